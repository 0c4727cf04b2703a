from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from models.serving.api.config import ApiConfig
from schemas.searches import FeedbackGiven, FeedbackKind
from streams.topics import FEEDBACK
from tests.unit.models.serving.api.parts import House, house, name_of, problem, talking

URL = "/v1/feedback"
IMPRESSION = "3f2b8f5e-6f0c-4a55-9d3a-0a5a3a9be001"
KEY = {"Idempotency-Key": "click-1"}
GOOD = {
    "click": {"item_id": "a"},
    "dwell": {"item_id": "a", "value": 12.5},
    "rating": {"value": 5},
    "relevance": {"item_id": "a", "value": 0},
    "correction": {"text": "that is a crow"},
    "no_result": {},
    "safety": {"item_id": "a", "text": "not for children"},
}


def said(kind: str, **fields: Any) -> dict[str, Any]:
    return {"impression_id": IMPRESSION, "kind": kind, "consent": True} | fields


def given(mill: House) -> list[FeedbackGiven]:
    return [fact for fact in mill.facts(FEEDBACK) if isinstance(fact, FeedbackGiven)]


def test_every_kind_that_the_contract_knows_can_be_given() -> None:
    assert GOOD.keys() == {kind.value for kind in FeedbackKind}


@pytest.mark.parametrize("kind", GOOD)
def test_feedback_is_in_the_log_once_it_is_accepted(client: TestClient, mill: House, kind: str) -> None:
    response = client.post(URL, json=said(kind, **GOOD[kind]))
    [fact] = given(mill)
    assert response.status_code == 202
    assert response.json() == {"impression_id": IMPRESSION, "event_id": str(fact.event_id), "status": "accepted"}
    assert (str(fact.impression_id), fact.kind, fact.tenant, fact.consent) == (IMPRESSION, kind, "default", True)
    assert {name: getattr(fact, name) for name in GOOD[kind]} == GOOD[kind]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("click", {}),
        ("click", {"item_id": ""}),
        ("click", {"item_id": "a", "value": 1}),
        ("dwell", {"item_id": "a"}),
        ("dwell", {"item_id": "a", "value": -1}),
        ("dwell", {"item_id": "a", "value": 86_401}),
        ("dwell", {"item_id": "a", "value": True}),
        ("rating", {"value": 0}),
        ("rating", {"value": 6}),
        ("relevance", {"value": 1}),
        ("relevance", {"item_id": "a", "value": 1.1}),
        ("correction", {"text": "  "}),
        ("correction", {"item_id": "a"}),
        ("no_result", {"item_id": "a"}),
        ("safety", {"text": "x" * 10_001}),
        ("applause", {}),
    ],
)
def test_what_a_kind_does_not_take_is_refused(
    client: TestClient, mill: House, kind: str, fields: dict[str, Any]
) -> None:
    response = client.post(URL, json=said(kind, **fields))
    assert (response.status_code, name_of(response)) == (422, "invalid-request")
    assert given(mill) == []


@pytest.mark.parametrize("consent", [None, "yes", 1])
def test_consent_is_said_in_so_many_words(client: TestClient, consent: object) -> None:
    assert client.post(URL, json=said("click", item_id="a", consent=consent)).status_code == 422


def test_consent_and_impression_are_required(client: TestClient) -> None:
    response = client.post(URL, json={"kind": "click", "item_id": "a"})
    assert {error["loc"][-1] for error in problem(response)["errors"]} == {"consent", "impression_id"}


def test_the_same_click_without_a_key_is_the_same_fact(client: TestClient, mill: House) -> None:
    answers = [client.post(URL, json=said("click", item_id="a")).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert len({fact.event_id for fact in given(mill)}) == 1


def test_other_feedback_is_another_fact(client: TestClient, mill: House) -> None:
    for item in ("a", "b"):
        client.post(URL, json=said("click", item_id=item))
    client.post(URL, json=said("dwell", item_id="a", value=3))
    client.post(URL, json=said("dwell", item_id="a", value=30))
    assert len({fact.event_id for fact in given(mill)}) == 4


def test_a_repetition_under_its_key_gets_the_first_answer_again(client: TestClient, mill: House) -> None:
    first = client.post(URL, json=said("click", item_id="a"), headers=KEY)
    again = client.post(URL, json=said("click", item_id="a"), headers=KEY)
    assert (again.status_code, again.json()) == (202, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert len(given(mill)) == 1


def test_a_key_with_other_feedback_is_409(client: TestClient) -> None:
    client.post(URL, json=said("click", item_id="a"), headers=KEY)
    response = client.post(URL, json=said("click", item_id="b"), headers=KEY)
    assert (response.status_code, name_of(response)) == (409, "idempotency-key-reused")


def test_a_key_of_an_item_is_no_key_of_feedback(client: TestClient) -> None:
    client.post("/v1/items", json={"text": "x"}, headers=KEY)
    assert client.post(URL, json=said("click", item_id="a"), headers=KEY).status_code == 409


def test_feedback_belongs_to_the_tenant_of_its_credential(tmp_path: Path) -> None:
    mill = house(tmp_path, ApiConfig(api_keys={"red-key": "red", "blue-key": "blue"}))
    with talking(mill) as client:
        for token in ("red-key", "blue-key"):
            client.post(URL, json=said("click", item_id="a"), headers={"Authorization": f"Bearer {token}"})
    assert {fact.tenant for fact in given(mill)} == {"red", "blue"}
    assert len({fact.event_id for fact in given(mill)}) == 2


def test_a_log_that_is_down_is_503_and_the_key_stays_free(tmp_path: Path) -> None:
    mill = house(tmp_path, ApiConfig(publish_timeout_s=0.2, stop_grace_s=0.2))
    with talking(mill) as client:
        mill.broker.down = "no broker"
        assert client.post(URL, json=said("click", item_id="a"), headers=KEY).status_code == 503
        mill.broker.down = None
        assert client.post(URL, json=said("click", item_id="a"), headers=KEY).status_code == 202


def test_feedback_that_is_no_json_is_415(client: TestClient) -> None:
    response = client.post(URL, content=b"{}", headers={"Content-Type": "text/plain"})
    assert (response.status_code, name_of(response)) == (415, "unsupported-media-type")

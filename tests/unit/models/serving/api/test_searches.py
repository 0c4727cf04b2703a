from dataclasses import replace
from pathlib import Path

from starlette.testclient import TestClient

from models.registry.records import RolloutState
from models.serving.api.config import ApiConfig
from models.serving.live.encoders import LiveEncoders
from models.serving.search import SearchService
from schemas.searches import SearchServed
from streams.topics import SEARCHES
from tests.unit.models.serving.api.parts import House, house, talking
from tests.unit.models.serving.live.standings import CANARY, ENCODERS, NEW, OLD, Said, rollout
from tests.unit.models.serving.spaces import Spaces

SEARCH = "/v1/retrieval/search"


def test_a_search_finds_what_says_the_same(client: TestClient, mill: House) -> None:
    mill.hold("default", "deep", "still waters run deep")
    mill.hold("default", "loud", "empty vessels make noise")
    answer = client.post(SEARCH, json={"query": {"text": "deep waters"}, "k": 1}).json()
    [result] = answer["results"]
    assert (result["id"], result["position"], result["text"]) == ("deep", 1, "still waters run deep")
    assert (answer["model_version"], answer["policy"], answer["generation"]) == ("hashing-384-v1", "hybrid-rrf", 0)


def test_the_fact_of_a_search_reaches_the_log_by_the_end(tmp_path: Path) -> None:
    mill = house(tmp_path)
    mill.hold("default", "deep", "still waters run deep")
    with talking(mill) as client:
        answer = client.post(SEARCH, json={"query": {"text": "deep"}, "k": 3}).json()
    [fact] = mill.facts(SEARCHES)
    assert isinstance(fact, SearchServed)
    assert str(fact.event_id) == answer["impression_id"]
    assert [(hit.item_id, hit.position, hit.propensity) for hit in fact.hits] == [("deep", 1, 1.0)]


def test_a_search_is_answered_while_the_log_is_down_and_its_fact_waits(tmp_path: Path) -> None:
    mill = house(tmp_path, ApiConfig(stop_grace_s=10))
    mill.broker.down = "no broker"
    with talking(mill) as client:
        assert client.post(SEARCH, json={"query": {"text": "deep"}}).status_code == 200
        mill.broker.down = None
    assert len(mill.facts(SEARCHES)) == 1


def test_the_fact_carries_the_trace_of_its_request(tmp_path: Path) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    mill = house(tmp_path)
    with talking(mill) as client:
        client.post(SEARCH, json={"query": {"text": "deep"}}, headers={"traceparent": trace})
    assert mill.facts(SEARCHES)[0].traceparent == trace


def test_a_tenant_finds_its_own_items_only(tmp_path: Path) -> None:
    mill = house(tmp_path, ApiConfig(api_keys={"red-key": "red", "blue-key": "blue"}))
    mill.hold("red", "a", "still waters")
    with talking(mill) as client:
        found = {
            token: client.post(
                SEARCH, json={"query": {"text": "waters"}}, headers={"Authorization": f"Bearer {token}"}
            ).json()["results"]
            for token in ("red-key", "blue-key")
        }
        status = client.get("/v1/items/a", headers={"Authorization": "Bearer blue-key"})
    assert (len(found["red-key"]), len(found["blue-key"])) == (1, 0)
    assert status.status_code == 404


def test_an_arm_that_failed_is_told_beside_the_answer_that_another_gave(tmp_path: Path) -> None:
    index = Spaces()
    index.fill(OLD)
    live = LiveEncoders(Said(replace(CANARY, rollout=rollout(RolloutState.CANARY, share=1.0))), ENCODERS.__getitem__)
    live.load()
    mill = house(tmp_path, search=SearchService(live, index))
    with talking(mill) as client:
        response = client.post(SEARCH, json={"query": {"text": "deep"}, "hybrid": {"bm25_weight": 0}})
    told = {(fact.arm, fact.outcome): fact for fact in mill.facts(SEARCHES) if isinstance(fact, SearchServed)}
    assert told.keys() == {("live", "answered"), ("candidate", "failed")}
    assert response.json()["impression_id"] == str(told["live", "answered"].event_id)
    assert response.headers["x-model-version"] == OLD.version


def test_the_header_names_the_encoder_that_made_the_answer_whatever_serves(tmp_path: Path) -> None:
    index = Spaces()
    index.fill(NEW)
    live = LiveEncoders(Said(replace(CANARY, rollout=rollout(RolloutState.CANARY, share=1.0))), ENCODERS.__getitem__)
    live.load()
    with talking(house(tmp_path, search=SearchService(live, index))) as client:
        found = client.post(SEARCH, json={"query": {"text": "deep"}, "hybrid": {"bm25_weight": 0}})
        embedded = client.post("/v1/inference/embeddings", json={"model": NEW.version, "inputs": [{"text": "a"}]})
        plain = client.post("/v1/inference/embeddings", json={"inputs": [{"text": "a"}]})
    assert (found.headers["x-model-version"], found.json()["arm"]) == (NEW.version, "candidate")
    assert embedded.headers["x-model-version"] == embedded.json()["model"] == NEW.version
    assert plain.headers["x-model-version"] == plain.json()["model"] == OLD.version

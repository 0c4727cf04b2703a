import threading
from collections.abc import Callable
from pathlib import Path

import httpx2 as httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from models.metadata.idempotency import Claim, IdempotencyKeys, StoredAnswer
from models.serving.api.config import ApiConfig
from streams.clock import SystemClock
from streams.codec import Encoded
from streams.memory import MemoryBroker, MemoryProducer
from tests.unit.models.serving.api.parts import House, database, house, name_of, talking

KEY = {"Idempotency-Key": "order-66"}


def test_a_repetition_gets_the_first_answer_again(client: TestClient, mill: House) -> None:
    first = client.post("/v1/items", json={"text": "once"}, headers=KEY)
    again = client.post("/v1/items", json={"text": "once"}, headers=KEY)
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(mill.facts()) == 1


def test_the_same_key_with_another_body_is_409(client: TestClient, mill: House) -> None:
    client.post("/v1/items", json={"text": "one"}, headers=KEY)
    response = client.post("/v1/items", json={"text": "another"}, headers=KEY)
    assert (response.status_code, name_of(response)) == (409, "idempotency-key-reused")
    assert len(mill.facts()) == 1


def test_a_key_belongs_to_one_kind_of_request(client: TestClient) -> None:
    client.post("/v1/items", json={"item_id": "a", "text": "one"}, headers=KEY)
    assert client.delete("/v1/items/a", headers=KEY).status_code == 409


def test_deleting_and_erasing_are_different_requests(client: TestClient) -> None:
    client.delete("/v1/items/a", headers=KEY)
    assert client.delete("/v1/items/a?erase=true", headers=KEY).status_code == 409


def test_a_withdrawal_is_repeated_like_a_publication(client: TestClient, mill: House) -> None:
    first, again = client.delete("/v1/items/a", headers=KEY), client.delete("/v1/items/a", headers=KEY)
    assert first.json() == again.json()
    assert len(mill.facts()) == 1


def test_white_space_and_order_of_fields_do_not_make_another_request(client: TestClient) -> None:
    json_type = {"Content-Type": "application/json"}
    client.post("/v1/items", content=b'{"text": "x", "item_id": "a"}', headers=KEY | json_type)
    assert client.post("/v1/items", content=b'{"item_id":"a","text":"x"}', headers=KEY | json_type).status_code == 202


def test_an_upload_repeated_with_other_boundaries_is_the_same_request(client: TestClient, mill: House) -> None:
    for _ in range(2):
        assert client.post("/v1/items", files={"file": ("a.gif", b"GIF89a")}, headers=KEY).status_code == 202
    assert len(mill.facts()) == 1


def test_an_upload_of_other_bytes_under_the_same_key_is_409(client: TestClient) -> None:
    client.post("/v1/items", files={"file": ("a.gif", b"GIF89a")}, headers=KEY)
    assert client.post("/v1/items", files={"file": ("a.gif", b"GIF87a")}, headers=KEY).status_code == 409


def test_without_a_key_every_request_is_a_new_fact(client: TestClient, mill: House) -> None:
    for _ in range(2):
        client.post("/v1/items", json={"item_id": "a", "text": "x"})
    assert len({fact.event_id for fact in mill.facts()}) == 2


def test_an_invalid_request_does_not_use_up_its_key(client: TestClient) -> None:
    client.post("/v1/items", json={"text": 5}, headers=KEY)
    assert client.post("/v1/items", json={"text": "five"}, headers=KEY).status_code == 202


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "ümlaut"])
def test_a_key_must_be_short_printable_ascii(client: TestClient, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    assert client.post("/v1/items", json={"text": "x"}, headers=headers).status_code == 422


def test_tenants_do_not_share_keys(tmp_path: Path) -> None:
    mill = house(tmp_path, ApiConfig(api_keys={"red-key": "red", "blue-key": "blue"}))
    with talking(mill) as client:
        for token in ("red-key", "blue-key"):
            headers = KEY | {"Authorization": f"Bearer {token}"}
            response = client.post("/v1/items", json={"text": "the same"}, headers=headers)
            assert (response.status_code, "idempotency-replayed" in response.headers) == (202, False)
    assert {fact.tenant for fact in mill.facts()} == {"red", "blue"}
    assert len({fact.event_id for fact in mill.facts()}) == 2


class GatedProducer(MemoryProducer):
    """A log that takes records only once the gate is open."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.gate = threading.Event()
        self.reached = threading.Event()

    def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        self.reached.set()
        self.gate.wait(10)
        super().send(topic, encoded, on_acknowledged)


def test_while_the_first_is_in_progress_others_are_told_to_come_again(tmp_path: Path) -> None:
    broker = MemoryBroker({"millrace.items.raw.v1": 1})
    producer = GatedProducer(broker)
    answers: list[httpx.Response] = []
    with talking(house(tmp_path, producer=producer)) as client:

        def ask() -> None:
            answers.append(client.post("/v1/items", json={"text": "once"}, headers=KEY))

        first = threading.Thread(target=ask)
        first.start()
        assert producer.reached.wait(10)
        for _ in range(3):
            ask()
        producer.gate.set()
        first.join(10)
        replay = client.post("/v1/items", json={"text": "once"}, headers=KEY)
    assert [answer.status_code for answer in answers] == [409, 409, 409, 202]
    assert all(name_of(a) == "idempotency-in-progress" and a.headers["retry-after"] == "1" for a in answers[:3])
    assert replay.json() == answers[3].json()
    assert len(broker.records("millrace.items.raw.v1")) == 1


def test_of_many_at_once_exactly_one_does_the_work(client: TestClient, mill: House) -> None:
    together, answers = threading.Barrier(8), []

    def ask() -> None:
        together.wait(10)
        answers.append(client.post("/v1/items", json={"text": "once"}, headers=KEY))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.text for answer in answers if answer.status_code == 202}) == 1
    assert len(mill.facts()) == 1


class Crash(Exception):
    """The process dies between the acknowledgement of the log and the answer in the database."""


class CrashingKeys(IdempotencyKeys):
    """The real keys, with a failpoint before the answer is stored."""

    crash = False

    def complete(self, claim: Claim, answer: StoredAnswer) -> None:
        if self.crash:
            raise Crash
        super().complete(claim, answer)


class TickingClock(SystemClock):
    """Time that passes when told to."""

    now = 1_000_000.0

    def time(self) -> float:
        return self.now


STEPS = st.lists(
    st.tuples(st.sampled_from(["k1", "k2"]), st.sampled_from(["a", "b"]), st.booleans()), min_size=1, max_size=6
)


@settings(max_examples=20)
@given(steps=STEPS)
def test_whatever_crashes_a_key_states_one_fact(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, bool]]
) -> None:
    folder, clock = tmp_path_factory.mktemp("keys"), TickingClock()
    keys = CrashingKeys(database(folder), clock=clock)
    mill = house(folder, keys=keys)
    owners: dict[str, str] = {}
    with talking(mill, raise_server_exceptions=False) as client:
        for key, body, keys.crash in steps:
            answer = client.post("/v1/items", json={"text": body}, headers={"Idempotency-Key": key})
            clock.now += 61.0  # the claim of an owner that died runs out
            assert answer.status_code in ({202, 500} if owners.setdefault(key, body) == body else {409})
    stated = {fact.event_id: fact.text for fact in mill.facts()}
    assert sorted(stated.values()) == sorted(owners.values())


def test_a_crash_is_told_from_a_second_request_only_once_its_claim_has_run_out(tmp_path: Path) -> None:
    clock = TickingClock()
    keys = CrashingKeys(database(tmp_path), clock=clock)
    with talking(house(tmp_path, keys=keys), raise_server_exceptions=False) as client:
        keys.crash = True
        assert client.post("/v1/items", json={"text": "x"}, headers=KEY).status_code == 500
        keys.crash = False
        assert client.post("/v1/items", json={"text": "x"}, headers=KEY).status_code == 409
        clock.now += 61.0
        assert client.post("/v1/items", json={"text": "x"}, headers=KEY).status_code == 202

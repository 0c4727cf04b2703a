from collections.abc import Iterator

import pytest

from infra.supervisor.child import Readiness
from infra.supervisor.ports import free_port
from infra.supervisor.status import http_probe, kafka_probe
from infra.worker.ops_server import OpsServer, json_reply


@pytest.fixture
def waiting_worker() -> Iterator[int]:
    body = {"ready": False, "reasons": ["indexing: the disk is full"]}
    server = OpsServer("127.0.0.1", 0, {("GET", "/readyz"): lambda _: json_reply(503, body)})
    server.start()
    yield server.port
    server.stop()


def test_a_worker_that_waits_says_why(waiting_worker: int) -> None:
    assert http_probe(waiting_worker)() == Readiness(False, ("indexing: the disk is full",))


def test_a_worker_that_is_not_there_is_not_ready() -> None:
    assert http_probe(free_port())() == Readiness(False, ("does not answer yet",))


def test_a_broker_that_answers_is_ready(kafka: str) -> None:
    assert kafka_probe(kafka)().ready


def test_a_broker_that_is_not_there_is_not_ready() -> None:
    assert not kafka_probe(f"127.0.0.1:{free_port()}")().ready

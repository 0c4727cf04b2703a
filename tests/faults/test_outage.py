"""A dependency is down: the worker waits, says for what, goes on by itself, and nothing is lost."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from infra.broker.broker import Broker
from streams.errors import Unavailable
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.topic_admin import TopicAdmin
from streams.record import TopicPartition
from streams.topic_plan import Step
from tests.faults.ledger import Ledger
from tests.faults.mill import Mill
from tests.faults.observe import observed, raw_log, sample_of
from tests.faults.plan import plan
from tests.faults.publisher import Publisher
from tests.faults.verdict import verdict

ALL = ("curation", "embedding", "indexing")
OUTAGE_S = 10.0
FAR_ABOVE_ANY_DISK_MB = 1_000_000
PATIENCE_S = 60.0


def published(mill: Mill, items: int) -> tuple[Ledger, Publisher]:
    operations = plan(seed=5, items=items)
    ledger = Ledger.of(operations, mill.folder / "ledger.jsonl")
    publisher = Publisher(mill.kafka, ledger)
    publisher.publish(operations[: len(operations) // 2])
    return ledger, publisher


def judged(mill: Mill, ledger: Ledger) -> list[str]:
    expected = ledger.expected(raw_log(mill.broker.bootstrap, mill.prefix))
    sample = sample_of(ledger, expected, 20)
    return verdict(expected, observed(mill.broker.bootstrap, mill.prefix, mill.data_dir, sample, recording=False))


def running(status: int, body: dict[str, Any]) -> bool:
    return status == 200


def waiting(status: int, body: dict[str, Any]) -> bool:
    return status == 503 and all(stage["state"] == "waiting" for stage in body["stages"].values())


def commit_until_it_fails(consumer: KafkaConsumer, place: TopicPartition, deadline: float) -> None:
    while time.monotonic() < deadline:
        consumer.commit({place: 0})


def test_while_the_broker_is_away_workers_say_so_and_go_on_when_it_is_back(mill: Callable[..., Mill]) -> None:
    installation = mill()
    ledger, publisher = published(installation, 200)
    worker = installation.worker(*ALL)
    worker.wait_for(running, PATIENCE_S)
    installation.broker.stop()
    gone_at = time.monotonic()
    reasons = worker.wait_for(waiting, PATIENCE_S)["reasons"]
    assert [reason.partition(":")[0] for reason in reasons] == list(ALL)
    assert all("Kafka" in reason for reason in reasons)
    time.sleep(max(0.0, gone_at + OUTAGE_S - time.monotonic()))
    worker.well()
    installation.broker.start()
    installation.broker.wait_ready()
    worker.wait_for(running, PATIENCE_S)
    publisher.publish(list(ledger.operations.values())[len(ledger.acknowledged) :])
    installation.wait_until_read(PATIENCE_S, worker.well)
    publisher.close()
    assert worker.stop() == 0, worker.last_words()
    assert judged(installation, ledger) == []


def test_a_commit_that_nobody_answers_is_given_up_and_works_when_the_broker_is_back(broker: Broker) -> None:
    topic = uuid4().hex
    config = KafkaConfig(bootstrap_servers=broker.bootstrap, session_timeout_ms=6000)
    TopicAdmin(config).apply(Step(topic, True, 1, {}))
    consumer = KafkaConsumer(config, f"g-{topic}", [topic])
    deadline = time.monotonic() + PATIENCE_S
    while not consumer.assignment():
        assert time.monotonic() < deadline, "no partitions"
        consumer.poll(1, 0.1)
    stopping = threading.Thread(target=broker.stop)
    stopping.start()
    with pytest.raises(Unavailable):
        commit_until_it_fails(consumer, TopicPartition(topic, 0), deadline)
    stopping.join()
    broker.start()
    broker.wait_ready()
    committed = False
    while not committed:
        assert time.monotonic() < deadline + PATIENCE_S, "no commit is taken"
        with suppress(Unavailable):
            consumer.poll(1, 0.1)
            consumer.commit({TopicPartition(topic, 0): 0})
            committed = TopicAdmin(config).committed(f"g-{topic}") == {(topic, 0): 0}
    consumer.close()


def test_an_index_without_free_disk_is_not_written_and_its_lag_is_worked_off_later(mill: Callable[..., Mill]) -> None:
    installation = mill()
    ledger, publisher = published(installation, 50)
    publisher.publish(list(ledger.operations.values())[len(ledger.acknowledged) :])
    publisher.close()
    worker = installation.worker(*ALL, index={"min_free_mb": FAR_ABOVE_ANY_DISK_MB})

    def index_waits(status: int, body: dict[str, Any]) -> bool:
        return status == 503 and body["stages"]["indexing"]["state"] == "waiting"

    [reason] = worker.wait_for(index_waits, PATIENCE_S)["reasons"]
    if "nearly full" not in reason:
        pytest.fail(reason)
    assert worker.stop() == 0, worker.last_words()
    assert installation.lag()["indexing"] > 0
    worker = installation.worker(*ALL)
    installation.wait_until_read(PATIENCE_S, worker.well)
    assert worker.stop() == 0, worker.last_words()
    assert judged(installation, ledger) == []

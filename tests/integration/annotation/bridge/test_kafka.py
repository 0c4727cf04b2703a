"""The bridge on a real broker: requests in, facts out, and everything read again changes nothing."""

import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from uuid import uuid4

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.exporter import Exporter
from annotation.label_studio.intake import Intake
from annotation.label_studio.stage import NAME
from infra.cli.topics import apply_topics
from schemas.event import Event
from schemas.items import ItemWithdrawn
from streams.codec import encode
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.letter_box import read_topic
from streams.kafka.producer import KafkaProducer
from streams.port import Start
from streams.record import Record
from streams.runner import Runner
from streams.topics import ANNOTATIONS_COMPLETED, ANNOTATIONS_REQUESTED, EMBEDDED, group_of
from tests.integration.annotation.bridge.house import House

PATIENCE_S = 90.0


class Process:
    """What the process `bridge` runs."""

    def __init__(self, house: House, kafka: KafkaConfig) -> None:
        stage, prefix = house.stage, kafka.prefix
        consumer = KafkaConsumer(kafka, group_of(prefix, NAME), [topic.full_name(prefix) for topic in stage.sources])
        self.runner = Runner(stage, consumer, KafkaProducer(kafka), prefix)
        consumer.on_revoked = self.runner.revoked
        self._told = KafkaProducer(kafka)
        parts = (house.engine, house.studio, [house.desk], house.config, prefix)
        self._services: list[Exporter | Intake] = [Exporter(*parts), Intake(*parts, self._told)]
        self._thread = Thread(target=self.runner.run, daemon=True)
        for service in self._services:
            service.start()
        self._thread.start()

    def stop(self) -> None:
        self.runner.stop()
        for service in self._services:
            service.stop()
        self._thread.join(30)
        self._told.close()


@pytest.fixture
def log(kafka: str) -> KafkaConfig:
    config = KafkaConfig(bootstrap_servers=kafka, prefix=f"b{uuid4().hex[:8]}")
    apply_topics(config)
    return config


def publish(log: KafkaConfig, *facts: Event) -> None:
    producer = KafkaProducer(log)
    for fact in facts:
        topic = EMBEDDED if isinstance(fact, ItemWithdrawn) else ANNOTATIONS_REQUESTED
        producer.send(topic.full_name(log.prefix), encode(fact, "test"))
    producer.flush(30.0)
    producer.close()


def facts(log: KafkaConfig) -> list[Record]:
    return list(read_topic(log, ANNOTATIONS_COMPLETED.full_name(log.prefix)))


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come to be"
        time.sleep(0.1)


def test_on_a_real_broker_every_answer_is_told_once_also_after_a_restart_and_a_replay(
    client: LabelStudio, log: KafkaConfig, tmp_path: Path
) -> None:
    house = House(client, tmp_path, poll_s=0.2, export_s=0.2)
    names = [f"i{n}" for n in range(12)]
    first = Process(house, log)
    publish(log, *(house.request(name) for name in names))
    wait_for(lambda: house.outbox.counts() == {"pending": 0, "sent": 12}, "the tasks")
    for name in names[:6]:
        house.answer(name)
    wait_for(lambda: len(facts(log)) == 6, "the first answers")
    first.stop()
    for name in names[6:]:
        house.answer(name)
    second = Process(house, log)
    second.runner.replay(Start())
    wait_for(lambda: len(facts(log)) == 12, "the other answers")
    publish(log, ItemWithdrawn(item_id="i0", version=1))
    wait_for(lambda: not client.find_tasks(house.project, ["i0"]), "the removal")
    second.stop()
    assert len(house.tasks()) == 11
    ids = [record.header("ce_id") for record in facts(log)]
    assert len(ids) == len(set(ids)) == 12
    assert {record.key for record in facts(log)} == {f"default/{name}".encode() for name in names}

"""The stage in its shell: what is published is what the database says, also after a crash in between."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from models.labels.store import LabelStore
from schemas.annotations import LabelSettled, LabelUnsettled
from schemas.event import Event
from streams.codec import decode, encode
from streams.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from streams.runner import Runner
from streams.topics import ANNOTATIONS_COMPLETED, ANNOTATIONS_REQUESTED, EMBEDDED, LABELS
from tests.unit.annotation.quality.spoken import Mill, changed, completed, database, task

PREFIX = "t"
TOPICS = {topic.full_name(PREFIX): 2 for topic in (ANNOTATIONS_COMPLETED, EMBEDDED, LABELS, ANNOTATIONS_REQUESTED)}


class LosingProducer(MemoryProducer):
    """The process ends before anything of the first flush is written."""

    def flush(self, timeout_s: float) -> None:
        raise KeyboardInterrupt


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = database()
    yield engine
    engine.dispose()


def runner(engine: Engine, broker: MemoryBroker, producer: MemoryProducer) -> Runner:
    stage = Mill(engine, task(annotators=2)).stage
    consumer = MemoryConsumer(broker, "t.consensus", [topic.full_name(PREFIX) for topic in stage.sources])
    return Runner(stage, consumer, producer, PREFIX)


def publish(broker: MemoryBroker, *facts: Event) -> None:
    for fact in facts:
        broker.append(ANNOTATIONS_COMPLETED.full_name(PREFIX), encode(fact, "test"))


def published(broker: MemoryBroker) -> list[Event]:
    records = broker.records(LABELS.full_name(PREFIX))
    return [decode(record, LABELS.events) for record in records]


def test_what_a_crash_kept_from_being_written_is_written_afterwards(engine: Engine) -> None:
    broker = MemoryBroker(TOPICS)
    publish(broker, completed("a", "ann", "sport"), completed("a", "bob", "sport"), completed("b", "ann", "arts"))
    dying = runner(engine, broker, LosingProducer(broker))
    with pytest.raises(KeyboardInterrupt):
        dying.run_once()
    for place in dying._consumer.assignment():
        dying.revoked([place], lost=True)
    dying._consumer.close()
    assert LabelStore(engine).count("topic", "acme") == 1  # the database knows, the topic does not
    publish(broker, completed("b", "bob", "news"))
    runner(engine, broker, MemoryProducer(broker)).run_once()
    told = published(broker)
    assert {type(event) for event in told} == {LabelSettled, LabelUnsettled}
    assert len(told) == len(broker.records(ANNOTATIONS_REQUESTED.full_name(PREFIX))) + 1 == 2


def test_the_topic_and_the_store_agree_in_the_end(engine: Engine) -> None:
    broker = MemoryBroker(TOPICS)
    mill = runner(engine, broker, MemoryProducer(broker))
    for item, second in (("a", "sport"), ("b", "arts"), ("c", None)):
        publish(broker, completed(item, "ann", "sport"), completed(item, "bob", second))
        mill.run_once()
    publish(broker, changed("b", "bob", "sport"))
    mill.run_once()
    newest: dict[str, LabelSettled | LabelUnsettled] = {}
    for event in published(broker):
        assert isinstance(event, LabelSettled | LabelUnsettled)
        if event.item_id not in newest or newest[event.item_id].revision < event.revision:
            newest[event.item_id] = event
    settled = {event.item_id: event.labels for event in newest.values() if isinstance(event, LabelSettled)}
    assert settled == {label.item_id: label.labels for label in LabelStore(engine).labels("topic", "acme")}
    assert settled == {"a": ("sport",), "b": ("sport",), "c": ("sport",)}

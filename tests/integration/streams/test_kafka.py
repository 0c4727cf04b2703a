"""The Kafka adapter on a real broker: the contract of a log, topics by manifest, letters."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from schemas.items import ItemPublished
from streams.codec import Encoded, encode
from streams.errors import BadRecord, Misconfigured, Unavailable
from streams.kafka.config import KafkaConfig
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.letter_box import LetterBox, read_topic
from streams.kafka.producer import KafkaProducer
from streams.kafka.topic_admin import TopicAdmin
from streams.letters import write_letter
from streams.port import OnRevoked, Start
from streams.record import Record
from streams.topic_plan import Step, TopicState, manifest, plan
from streams.topics import LETTER_BYTES
from tests.contract.broker import BrokerContract, drain, record

DEAF = KafkaConfig(bootstrap_servers="127.0.0.1:9")


@pytest.fixture
def config(kafka: str) -> KafkaConfig:
    return KafkaConfig(bootstrap_servers=kafka, prefix=f"p{uuid4().hex[:8]}", session_timeout_ms=6000)


def created(config: KafkaConfig, partitions: int = 2, **settings: str) -> str:
    name = uuid4().hex
    TopicAdmin(config).apply(Step(name, True, partitions, settings))
    return name


class TestKafkaBroker(BrokerContract):
    @pytest.fixture(autouse=True)
    def _clients(self, config: KafkaConfig) -> Iterator[None]:
        self.config = config
        self.open: list[KafkaConsumer] = []
        yield
        for consumer in self.open:
            with suppress(RuntimeError):  # closed by the test already
                consumer.close()

    def topic(self) -> str:
        return created(self.config)

    def producer(self) -> KafkaProducer:
        return KafkaProducer(self.config)

    def consumer(self, topic: str, group: str, member: str = "a", on_revoked: OnRevoked | None = None) -> KafkaConsumer:
        consumer = KafkaConsumer(self.config.model_copy(update={"instance": member}), group, [topic])
        if on_revoked:
            consumer.on_revoked = on_revoked
        self.open.append(consumer)
        return consumer


def poll_often(consumer: KafkaConsumer) -> None:
    for _ in range(100):
        consumer.poll(1, 0.2)


def test_a_record_larger_than_any_topic_allows_is_refused_at_once(config: KafkaConfig) -> None:
    producer = KafkaProducer(config)
    with pytest.raises(BadRecord, match="record_too_large"):
        producer.send(created(config), Encoded(b"k", b"z" * 20 * 2**20, ()))


def test_a_broker_that_is_not_there_is_unavailable() -> None:
    producer = KafkaProducer(DEAF)
    producer.send("t", record("a"))
    with pytest.raises(Unavailable):
        producer.flush(1.0)
    with pytest.raises(Unavailable):
        list(read_topic(DEAF, "t"))


def test_a_reader_whose_broker_is_not_there_says_so() -> None:
    consumer = KafkaConsumer(DEAF, "g", ["t"])
    with pytest.raises(Unavailable, match="does not answer"):
        poll_often(consumer)
    consumer.close()


def test_a_reader_whose_topic_is_missing_says_what_to_do(config: KafkaConfig) -> None:
    consumer = KafkaConsumer(config, uuid4().hex, [f"missing-{uuid4().hex}"])
    with pytest.raises(Unavailable, match="millrace topics apply"):
        poll_often(consumer)
    consumer.close()


def test_a_replay_since_a_moment_skips_what_is_older(config: KafkaConfig) -> None:
    topic, producer = created(config, 1), KafkaProducer(config)
    producer.send(topic, record("a", "old"))
    producer.flush(10.0)
    consumer = KafkaConsumer(config, uuid4().hex, [topic])
    [old] = drain(consumer, 1)
    moment = datetime.fromtimestamp((old.timestamp_ms + 1) / 1000, UTC)
    producer.send(topic, record("a", "new"))
    producer.flush(10.0)
    assert [one.value for one in drain(consumer, 1)] == [b"new"]
    consumer.seek(Start(moment))
    assert [one.value for one in drain(consumer, 1)] == [b"new"]
    consumer.close()


def applied(config: KafkaConfig, wanted: list[TopicState]) -> list[Step]:
    admin = TopicAdmin(config)
    names = {name for topic in wanted for name in topic.settings}
    steps = plan(wanted, admin.present([topic.name for topic in wanted], names))
    for step in steps:
        admin.apply(step)
    return steps


def test_the_manifest_is_applied_once_and_then_there_is_nothing_to_do(config: KafkaConfig) -> None:
    wanted = manifest(config.prefix, ["curation"])
    assert len(applied(config, wanted)) == len(wanted)
    for _ in range(100):  # the broker learns of a change a moment after the controller took it
        if not (again := applied(config, wanted)):
            break
        time.sleep(0.1)
    assert again == []


def test_a_topic_grows_and_changes_its_settings_in_place(config: KafkaConfig) -> None:
    name = f"{config.prefix}.grows"
    applied(config, [TopicState(name, 1, {"retention.ms": "1000"})])
    applied(config, [TopicState(name, 3, {"retention.ms": "2000"})])
    wanted = {name: TopicState(name, 3, {"retention.ms": "2000"})}
    for _ in range(100):  # the broker learns of a change a moment after the controller took it
        if TopicAdmin(config).present([name], {"retention.ms"}) == wanted:
            break
        time.sleep(0.1)
    assert TopicAdmin(config).present([name], {"retention.ms"}) == wanted


def test_the_partitions_of_a_topic_that_assigns_versions_never_change(config: KafkaConfig) -> None:
    name = f"{config.prefix}.fixed"
    applied(config, [TopicState(name, 2, {}, fixed_partitions=True)])
    with pytest.raises(Misconfigured, match="never change"):
        applied(config, [TopicState(name, 4, {}, fixed_partitions=True)])


def test_the_lag_of_a_group_is_what_it_has_not_committed(config: KafkaConfig) -> None:
    topic, group, producer = created(config), uuid4().hex, KafkaProducer(config)
    for number in range(10):
        producer.send(topic, record(str(number)))
    producer.flush(10.0)
    admin = TopicAdmin(config)
    assert admin.lag(group, [topic]) == 10
    consumer = KafkaConsumer(config, group, [topic])
    for found in drain(consumer, 10):
        consumer.commit({found.topic_partition: found.offset + 1})
    consumer.close()
    assert admin.lag(group, [topic]) == 0


def test_the_lag_of_a_worker_that_starts_again_counts_from_its_commit(config: KafkaConfig) -> None:
    topic, group, producer = created(config, 1), uuid4().hex, KafkaProducer(config)
    for number in range(10):
        producer.send(topic, record(str(number)))
    producer.flush(10.0)
    before = KafkaConsumer(config, group, [topic])
    for found in drain(before, 10):
        before.commit({found.topic_partition: found.offset + 1})
    before.close()
    again = KafkaConsumer(config, group, [topic])
    deadline = time.monotonic() + 30.0
    while not again.assignment():
        assert time.monotonic() < deadline, "no partitions"
        again.poll(1, 0.1)
    for _ in range(10):  # the end of the partition is known once something was asked for
        again.poll(1, 0.1)
    assert again.lag() == 0
    again.close()


def test_a_group_that_runs_is_not_rewound_and_one_that_rests_is(config: KafkaConfig) -> None:
    topic, group, producer = created(config, 1), uuid4().hex, KafkaProducer(config)
    producer.send(topic, record("a"))
    producer.flush(10.0)
    consumer = KafkaConsumer(config.model_copy(update={"session_timeout_ms": 1000}), group, [topic])
    [found] = drain(consumer, 1)
    consumer.commit({found.topic_partition: 1})
    with pytest.raises(Misconfigured, match="stop them first"):
        TopicAdmin(config).rewind(group, Start())
    consumer.close()
    for _ in range(100):  # a static member leaves when its session ends
        try:
            assert TopicAdmin(config).rewind(group, Start()) == 1
            break
        except Misconfigured:
            time.sleep(0.2)
    assert TopicAdmin(config).lag(group, [topic]) == 1


def letter_for(config: KafkaConfig, topic: str, offset: int) -> Encoded:
    encoded = encode(ItemPublished(item_id="a", text="b"), "test")
    original = Record(topic, 0, offset, encoded.key, encoded.value, encoded.headers)
    return write_letter(original, BadRecord("broken", "détail"), "curation", "1")


def test_letters_are_listed_once_replayed_to_their_topic_and_then_gone(config: KafkaConfig) -> None:
    home, box_topic, producer = created(config, 1), created(config, 1), KafkaProducer(config)
    for offset in (7, 8, 7):  # set aside twice, as after a crash before the commit
        producer.send(box_topic, letter_for(config, home, offset))
    producer.flush(10.0)
    box = LetterBox(config, box_topic)
    letters = box.letters()
    assert [letter.id for letter in letters] == [f"{home}/0/8", f"{home}/0/7"]
    assert letters[0].detail == "détail"
    assert box.replay(letters[:1], producer) == 1
    assert [letter.id for letter in box.letters()] == [f"{home}/0/7"]
    [back] = read_topic(config, home)
    assert back.key == b"default/a"
    assert back.origin.offset == 8
    assert back.origin.version() == 8
    assert box.discard(box.letters(), producer) == 1
    assert box.letters() == []


def test_a_letter_holds_the_largest_record_that_the_loop_allows(config: KafkaConfig) -> None:
    topic, producer = created(config, 1, **{"max.message.bytes": str(LETTER_BYTES + 1024)}), KafkaProducer(config)
    producer.send(topic, Encoded(b"k", b"\0" * (LETTER_BYTES - 2048), ()))
    producer.flush(10.0)
    assert len(list(read_topic(config, topic))) == 1

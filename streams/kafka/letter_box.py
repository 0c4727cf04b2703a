"""The letters of a stage as operators handle them: list, replay, discard."""

import time
from collections.abc import Iterable, Iterator
from uuid import uuid4

import confluent_kafka
from confluent_kafka import KafkaException

from streams.errors import Unavailable
from streams.kafka.clients import built
from streams.kafka.config import KafkaConfig, client_settings, rdkafka_log
from streams.kafka.consumer import record_of
from streams.letters import Letter, read_letter
from streams.port import Producer
from streams.record import Record

READ_TIMEOUT_S = 30.0
METADATA_TIMEOUT_S = 8.0
FLUSH_S = 30.0


class LetterBox:
    """One dead-letter or parked topic."""

    def __init__(self, config: KafkaConfig, topic: str) -> None:
        self._config = config
        self._topic = topic

    def letters(self) -> list[Letter]:
        """The letters that nobody has handled yet, oldest first. Raises Unavailable."""
        latest: dict[bytes | None, Record] = {}
        for record in read_topic(self._config, self._topic):
            latest.pop(record.key, None)
            latest[record.key] = record
        return [read_letter(record) for record in latest.values() if record.value is not None]

    def replay(self, letters: Iterable[Letter], producer: Producer) -> int:
        """Writes the original records back to their topics, then marks the letters as handled: all of them or none.

        In this order: a crash in between leaves letters that are replayed once more, which versions make harmless.
        """
        replayed = list(letters)
        for letter, original in [(letter, letter.original()) for letter in replayed]:
            producer.send(letter.origin.topic, original)
        producer.flush(FLUSH_S)
        return self.discard(replayed, producer)

    def discard(self, letters: Iterable[Letter], producer: Producer) -> int:
        """Marks letters as handled."""
        count = 0
        for letter in letters:
            producer.send(self._topic, letter.tombstone())
            count += 1
        producer.flush(FLUSH_S)
        return count


def read_topic(config: KafkaConfig, topic: str) -> Iterator[Record]:
    """All records that a topic holds now, without joining any group. Raises Unavailable."""
    settings = client_settings(config) | {
        "group.id": f"reader-{uuid4()}",
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
    client = built(lambda: confluent_kafka.Consumer(settings, logger=rdkafka_log))
    try:
        partitions = client.list_topics(topic, timeout=METADATA_TIMEOUT_S).topics[topic].partitions
        places = [
            confluent_kafka.TopicPartition(topic, number, confluent_kafka.OFFSET_BEGINNING) for number in partitions
        ]
        client.assign(places)
        yield from _until_the_end(client, len(places), topic)
    except KafkaException as error:
        raise Unavailable(f"Kafka does not answer: {error.args[0].str()}") from error
    finally:
        client.close()


def _until_the_end(client: confluent_kafka.Consumer, partitions: int, topic: str) -> Iterator[Record]:
    ended: set[int | None] = set()
    deadline = time.monotonic() + READ_TIMEOUT_S
    while len(ended) < partitions:
        message = client.poll(1.0)
        if message is None:
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka stopped answering while {topic} was read")
            continue
        deadline = time.monotonic() + READ_TIMEOUT_S
        if (error := message.error()) is None:
            yield record_of(message)
        elif error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        else:
            raise KafkaException(error)

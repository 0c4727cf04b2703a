"""Reading partitions of a real log from one offset to another, without a group."""

import time
from collections.abc import Iterator, Mapping
from uuid import uuid4

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException

from streams.errors import Unavailable
from streams.kafka.clients import built
from streams.kafka.config import ClientSettings, KafkaConfig, client_settings, rdkafka_log
from streams.kafka.consumer import record_of
from streams.kafka.topic_admin import TopicAdmin
from streams.record import Record

SILENCE_S = 15.0
"""A broker that sends nothing for so long is down."""
FETCHED = 500


class KafkaScan:
    """Each reading has a client of its own, which is closed when the reading ends or is given up."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._admin = TopicAdmin(config)

    def ends(self, topic: str) -> Mapping[int, int]:
        found = {partition: offset for (_, partition), offset in self._admin.ends([topic]).items()}
        if not found:
            raise Unavailable(f"topic {topic} is missing: run `millrace topics apply`")
        return found

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        if start >= end:
            return
        client = built(lambda: confluent_kafka.Consumer(self._settings(), logger=rdkafka_log))
        try:
            client.assign([confluent_kafka.TopicPartition(topic, partition, start)])
            yield from _until(client, start, end, f"{topic}/{partition}")
        except KafkaException as error:
            raise Unavailable(f"Kafka cannot be read: {error.args[0].str()}") from error
        finally:
            client.close()

    def _settings(self) -> ClientSettings:
        return client_settings(self._config) | {
            "group.id": f"reader-{uuid4()}",  # the client wants a name, and never joins
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",  # what retention has removed by now is left out
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": self._config.queue_kib,
            "fetch.queue.backoff.ms": 20,
        }


def _until(client: confluent_kafka.Consumer, start: int, end: int, place: str) -> Iterator[Record]:
    heard_at, position = time.monotonic(), start
    while True:
        for message in client.consume(min(FETCHED, end - position), 1.0):  # it waits for as many as it is asked for
            heard_at = time.monotonic()
            if (error := message.error()) is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # the last records before the end are no longer there
                    return
                raise KafkaException(error)
            record = record_of(message)
            position = record.offset + 1
            if record.offset < end:
                yield record
            if position >= end:
                return
        if time.monotonic() - heard_at > SILENCE_S:
            raise Unavailable(f"Kafka stopped answering while {place} was read")

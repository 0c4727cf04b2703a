"""The real consumer: static membership, cooperative rebalancing, nothing committed but by us, a bounded queue."""

import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import TopicMetadata

from streams.errors import Misconfigured, Unavailable
from streams.kafka.clients import built
from streams.kafka.commit import commit_within, keep_open
from streams.kafka.config import ClientSettings, KafkaConfig, client_settings, rdkafka_log
from streams.port import OnRevoked, Start
from streams.record import Record, TopicPartition

PROBE_S = 1.0
COUNTED_S = 30.0
"""For so long it is believed how many partitions there are: topics grow, but not often."""
COMMIT_S = 5.0
"""A commit that takes longer is tried again after some polling."""
SILENCE_S = 5.0
"""After so long without a record the cluster is asked whether it is still there."""
REJOIN_S = 60.0
"""Shut out again so soon after it joined anew, a worker has a namesake that is alive."""
REQUEST_S = 10.0


class KafkaConsumer:
    """One member of a group; set `on_revoked` before the first poll."""

    def __init__(self, config: KafkaConfig, group: str, topics: Sequence[str]) -> None:
        self.on_revoked: OnRevoked = lambda places, lost: None
        self._servers = config.bootstrap_servers
        self._topics = tuple(topics)
        self._paused = False
        self._down: str | None = None
        self._fenced: str | None = None
        self._in_doubt = False
        """Whether the last commit may still be on its way."""
        self._begins: dict[TopicPartition, int] = {}
        """Where the group stands in partitions of which nothing was read yet; below 0 at their beginning."""
        self._rejoined_at = float("-inf")
        self._heard_at = time.monotonic()
        self._counted: tuple[float, int] | None = None
        """When the partitions of all topics were counted, and how many there were."""
        instance = config.instance or socket.gethostname()
        self._settings: ClientSettings = client_settings(config) | {
            "group.id": group,
            "group.instance.id": f"{group}-{instance}",
            "session.timeout.ms": config.session_timeout_ms,
            "partition.assignment.strategy": "cooperative-sticky",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": False,
            "queued.max.messages.kbytes": config.queue_kib,
            "queued.min.messages": 20_000,
            "fetch.queue.backoff.ms": 20,
            "topic.metadata.refresh.interval.ms": 30_000,
        }
        self._client = self._joined()

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        if self._fenced:
            self._rejoin(self._fenced)
        try:
            messages = self._client.consume(max_records, timeout_s)
        except KafkaException as error:
            raise Unavailable(f"Kafka cannot be read: {error}") from error
        if messages:
            self._heard_of()
        elif self._down or time.monotonic() - self._heard_at > SILENCE_S:
            self._probe()
        return [record for message in messages if (record := self._record(message)) is not None]

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        ours = self.assignment()
        offsets = [
            confluent_kafka.TopicPartition(place.topic, place.partition, offset)
            for place, offset in next_offsets.items()
            if place in ours
        ]
        if not offsets:
            return
        if self._down:
            raise Unavailable(self._down)
        self._in_doubt = True
        commit_within(self._client, offsets, COMMIT_S)
        self._in_doubt = False

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(map(_place, self._client.assignment()))

    def whole(self) -> bool:
        if self._counted is None or time.monotonic() - self._counted[0] > COUNTED_S:
            known = self._known()
            self._counted = time.monotonic(), sum(len(known[topic].partitions) for topic in self._topics)
        return len(self._client.assignment()) == self._counted[1]

    def pause(self) -> None:
        self._paused = True
        self._client.pause(self._client.assignment())

    def resume(self) -> None:
        self._paused = False
        self._client.resume(self._client.assignment())

    def seek(self, start: Start) -> None:
        try:
            for place in self._starts(start):
                self._client.seek(place)
        except KafkaException as error:
            raise Unavailable(f"Kafka does not answer: {error}") from error

    def lag(self) -> int:
        places = self._client.assignment()
        positions = self._client.position(places) if places else []
        unread = [one for one in positions if one.offset < 0 and _place(one) not in self._begins]
        if unread:
            with suppress(KafkaException):  # asked again next time
                found = self._client.committed(unread, timeout=PROBE_S)
                self._begins |= {_place(one): one.offset for one in found}
        return sum(self._lag_of(one) for one in positions)

    def close(self) -> None:
        self._let_go()

    def _starts(self, start: Start) -> list[confluent_kafka.TopicPartition]:
        places = self._client.assignment()
        if start.since is None:
            return [_at(place, confluent_kafka.OFFSET_BEGINNING) for place in places]
        moment_ms = int(start.since.timestamp() * 1000)
        found = self._client.offsets_for_times([_at(place, moment_ms) for place in places], timeout=REQUEST_S)
        read = {_place(one): one.offset for one in self._client.position(places)}
        unread = [place for place in places if read[_place(place)] < 0]
        if unread:
            read |= {_place(one): one.offset for one in self._client.committed(unread, timeout=REQUEST_S)}
        return [_at(place, not_ahead(place.offset, read[_place(place)])) for place in found]

    def _lag_of(self, position: confluent_kafka.TopicPartition) -> int:
        low, high = self._client.get_watermark_offsets(position, cached=True)
        if high < 0:  # nothing fetched yet
            return 0
        read = position.offset if position.offset >= 0 else self._begins.get(_place(position), -1)
        return int(high - max(read, low, 0))

    def _record(self, message: Message) -> Record | None:
        if (error := message.error()) is None:
            return record_of(message)
        if error.code() == KafkaError._PARTITION_EOF:
            return None
        if _fatal(error):
            self._fenced = error.str()
        else:
            self._down = f"Kafka reports: {error.str()}"
        return None

    def _joined(self) -> confluent_kafka.Consumer:
        settings = self._settings | {"error_cb": self._heard}
        client = built(lambda: confluent_kafka.Consumer(settings, logger=rdkafka_log))
        client.subscribe(list(self._topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost)
        return client

    def _rejoin(self, reason: str) -> None:
        """A client that was shut out never works again. After an outage it may have been by its own former self."""
        now = time.monotonic()
        if now - self._rejoined_at < REJOIN_S:
            raise Misconfigured(f"Kafka shut this worker out ({reason}): is another running as the same instance?")
        self._rejoined_at, self._fenced = now, None
        self.on_revoked(self.assignment(), True)
        self._let_go()
        self._client = self._joined()

    def _let_go(self) -> None:
        if self._in_doubt:
            keep_open(self._client)
        else:
            self._client.close()
        self._in_doubt = False

    def _heard(self, error: KafkaError) -> None:
        if _fatal(error):
            self._fenced = error.str()
        elif error.code() in (KafkaError._ALL_BROKERS_DOWN, KafkaError._AUTHENTICATION):
            self._down = f"Kafka at {self._servers} does not answer: {error.str()}"

    def _heard_of(self) -> None:
        self._down, self._heard_at = None, time.monotonic()

    def _probe(self) -> None:
        """Nothing arrives, because there is nothing or because something is wrong?

        The client tells of an outage only sometimes: it may also wait without a word.
        """
        self._known()
        self._heard_of()

    def _known(self) -> Mapping[str, TopicMetadata]:
        """Our topics, as the cluster has them."""
        try:
            known: Mapping[str, TopicMetadata] = self._client.list_topics(timeout=PROBE_S).topics
        except KafkaException as error:
            raise Unavailable(
                self._down or f"Kafka at {self._servers} does not answer: {error.args[0].str()}"
            ) from error
        if missing := [topic for topic in self._topics if topic not in known]:
            raise Unavailable(f"topic {missing[0]} is missing, or may not be read: run `millrace topics apply`")
        return known

    def _assigned(self, client: confluent_kafka.Consumer, places: list[confluent_kafka.TopicPartition]) -> None:
        client.incremental_assign(places)
        for place in places:
            self._begins.pop(_place(place), None)
        if self._paused:
            client.pause(places)
        else:  # the client remembers a pause across a lost session, and would never fetch again
            client.resume(places)

    def _revoked(self, client: confluent_kafka.Consumer, places: list[confluent_kafka.TopicPartition]) -> None:
        self.on_revoked(list(map(_place, places)), False)

    def _lost(self, client: confluent_kafka.Consumer, places: list[confluent_kafka.TopicPartition]) -> None:
        self.on_revoked(list(map(_place, places)), True)


def not_ahead(wanted: int, read: int) -> int:
    """Where a replay begins in a partition: never beyond what was read, lest records be skipped. Below 0 is unknown."""
    if read < 0:
        return confluent_kafka.OFFSET_BEGINNING
    return min(wanted, read) if wanted >= 0 else read


def _place(place: confluent_kafka.TopicPartition) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)


def _at(place: confluent_kafka.TopicPartition, offset: int) -> confluent_kafka.TopicPartition:
    return confluent_kafka.TopicPartition(place.topic, place.partition, offset)


def _fatal(error: KafkaError) -> bool:
    """Only the error callback gets errors that say so themselves; among messages the code tells."""
    return error.fatal() or error.code() == KafkaError._FATAL


def record_of(message: Message) -> Record:
    headers: list[tuple[str, bytes]] = message.headers() or []  # type: ignore[assignment]
    if None in [value for _, value in headers]:
        headers = [(name, value or b"") for name, value in headers]
    return Record(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        message.key(),
        message.value(),
        tuple(headers),
        message.timestamp()[1],
    )

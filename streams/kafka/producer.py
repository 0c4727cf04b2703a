"""The real producer: idempotent, acknowledged by all replicas, failures never swallowed."""

import time
from collections.abc import Callable

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, Message

from streams.codec import Encoded
from streams.errors import BadRecord, MillraceError, Unavailable
from streams.kafka.clients import built
from streams.kafka.config import ClientSettings, KafkaConfig, client_settings, rdkafka_log
from streams.topics import LETTER_BYTES

QUEUE_WAIT_S = 15.0
"""How long `send` waits for room in a full queue before the broker counts as unavailable."""


class KafkaProducer:
    """Writes records. A fatal error of the client, which nothing mends, is answered with a new client."""

    def __init__(self, config: KafkaConfig) -> None:
        self._settings: ClientSettings = client_settings(config) | {
            "enable.idempotence": True,
            "acks": "all",
            "compression.type": "lz4",
            "linger.ms": config.linger_ms,
            "partitioner": "murmur2_random",  # as every Java client: one item, one partition, whoever publishes it
            "message.max.bytes": LETTER_BYTES,
            "message.timeout.ms": 60_000,
            "queue.buffering.max.kbytes": 65_536,
        }
        self._client = built(lambda: confluent_kafka.Producer(self._settings, logger=rdkafka_log))
        self._failure: str | None = None

    def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        deadline = time.monotonic() + QUEUE_WAIT_S
        settled = self._settled if on_acknowledged is None else self._settled_then(on_acknowledged)
        while True:
            client = self._client
            try:
                headers: list[tuple[str, str | bytes | None]] = [*encoded.headers]
                client.produce(topic, encoded.value, encoded.key, headers=headers, on_delivery=settled)
            except BufferError as error:
                if time.monotonic() > deadline:
                    raise Unavailable("Kafka takes no records: the send queue stays full") from error
                client.poll(0.1)
            except KafkaException as error:
                raise self._translated(error, topic, client) from error
            else:
                if on_acknowledged is not None:  # whom nobody waits for is heard of in `flush`, all at once
                    client.poll(0)
                return

    def flush(self, timeout_s: float) -> None:
        waiting = self._client.flush(timeout_s)
        if waiting:
            self._client.purge()
            self._client.flush(1.0)
            self._failure = f"no acknowledgement of {waiting} records within {timeout_s:g} s"
        failure, self._failure = self._failure, None
        if failure:
            raise Unavailable(f"Kafka does not take records: {failure}")

    def close(self) -> None:
        """Waits briefly for what is still queued; what was not flushed was never promised."""
        self._client.flush(5.0)

    def _settled(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failure = f"{message.topic()}: {error.str()}"

    def _settled_then(self, on_acknowledged: Callable[[], None]) -> Callable[[KafkaError | None, Message], None]:
        def settled(error: KafkaError | None, message: Message) -> None:
            self._settled(error, message)
            if error is None:
                on_acknowledged()

        return settled

    def _translated(self, error: KafkaException, topic: str, client: confluent_kafka.Producer) -> MillraceError:
        cause: KafkaError = error.args[0]
        if cause.code() == KafkaError.MSG_SIZE_TOO_LARGE:
            return BadRecord("record_too_large", f"more than {LETTER_BYTES} bytes for {topic}")
        # `produce` says so by this code alone: only errors that come by callback have `fatal()` set
        if cause.code() == KafkaError._FATAL and client is self._client:
            self._client = built(lambda: confluent_kafka.Producer(self._settings, logger=rdkafka_log))
        return Unavailable(f"Kafka does not take records for {topic}: {cause.str()}")

"""Writes the plan to items.raw through the real producer, and disturbs the order of what lies downstream.

Also repairs what a crash of the broker may leave undone: what was not acknowledged is sent again, as producers do.
"""

import random
import time
from collections.abc import Iterable, Iterator

from streams.codec import Encoded
from streams.errors import Unavailable
from streams.kafka.config import KafkaConfig
from streams.kafka.producer import KafkaProducer
from tests.faults.ledger import Ledger
from tests.faults.observe import OPERATION, batch_of, headers_of, reader, topic_records
from tests.faults.plan import Kind, Operation
from tests.faults.records import Place, record_of

FLUSH_S = 60.0
TRIES = 5


class Publisher:
    """Sends operations in order. Call from one thread."""

    def __init__(self, kafka: KafkaConfig, ledger: Ledger) -> None:
        self._kafka = kafka
        self._ledger = ledger
        self._topic = f"{kafka.prefix}.items.raw.v1"
        self._producer = KafkaProducer(kafka)
        self._tail, _ = reader(kafka.bootstrap_servers or "", self._topic)
        self._places: dict[int, Place] = {}

    def publish(self, operations: Iterable[Operation]) -> None:
        """Returns when all are acknowledged. A replay is sent after what it replays was."""
        waiting: list[Operation] = []
        for operation in operations:
            if operation.kind is Kind.REPLAY:
                self._acknowledged(waiting)
                waiting = []
            waiting.append(operation)
        self._acknowledged(waiting)

    def copy(self, topic: str, records: Iterable[Encoded]) -> None:
        """Writes records of a topic to its end once more, as an unlucky producer would."""
        for record in records:
            self._producer.send(f"{self._kafka.prefix}.{topic}.v1", record)
        self._producer.flush(FLUSH_S)

    def close(self) -> None:
        self._tail.close()
        self._producer.close()

    def _acknowledged(self, operations: list[Operation]) -> None:
        for _ in range(TRIES):
            left = [operation for operation in operations if operation.number not in self._ledger.acknowledged]
            if not left:
                return
            self._try(left)
        raise AssertionError(f"the broker did not take {len(left)} records in {TRIES} tries")

    def _try(self, operations: list[Operation]) -> None:
        try:
            for operation in operations:
                record = record_of(operation, self._ledger.operations, self._place(operation))
                self._producer.send(self._topic, record, lambda n=operation.number: self._ledger.acknowledge(n))  # type: ignore[misc]
            self._producer.flush(FLUSH_S)
        except Unavailable:
            pass  # what was not acknowledged is tried again

    def _place(self, operation: Operation) -> Place | None:
        if operation.kind is not Kind.REPLAY or operation.of is None:
            return None
        deadline = time.monotonic() + FLUSH_S
        while operation.of not in self._places:
            assert time.monotonic() < deadline, f"operation {operation.of} does not appear in the log"
            for message in batch_of(self._tail):
                if message.error() is None:
                    place = Place(self._topic, message.partition(), message.offset())
                    self._places.setdefault(int(headers_of(message)[OPERATION]), place)
        return self._places[operation.of]


def old_records(
    kafka: KafkaConfig, topic: str, share: float, rng: random.Random, contents_only: bool = False
) -> Iterator[Encoded]:
    """Some of the records that a topic holds now, in any order; `contents_only` leaves out withdrawals."""
    name = f"{kafka.prefix}.{topic}.v1"
    found = list(topic_records(kafka.bootstrap_servers or "", name))
    if contents_only:
        found = [message for message in found if "Withdrawn" not in headers_of(message)["ce_type"]]
    rng.shuffle(found)
    for message in found[: int(share * len(found))]:
        yield Encoded(message.key(), message.value(), tuple(message.headers() or ()))

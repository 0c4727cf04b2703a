"""Reading a log from one place to another, outside of any group: for those who must see all of it once.

Adapters: `kafka/scan.py` (real) and the one in memory below; both pass tests/contract/scan.py.
"""

from collections.abc import Iterator, Mapping
from typing import Protocol

from streams.errors import Unavailable
from streams.memory import MemoryBroker
from streams.record import Record, TopicPartition


class Scan(Protocol):
    """May be shared by threads. Every method raises Unavailable."""

    def ends(self, topic: str) -> Mapping[int, int]:
        """For each partition the offset that its next record will get."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        """The records from offset `start` to before `end` that are still there, in their order."""
        ...


class MemoryScan:
    """Of a log in memory."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def ends(self, topic: str) -> Mapping[int, int]:
        self._broker.check()
        found = {place.partition: len(log) for place, log in self._broker.logs.items() if place.topic == topic}
        if not found:
            raise Unavailable(f"topic {topic} is missing")
        return found

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        for record in self._broker.logs[TopicPartition(topic, partition)][start:end]:
            self._broker.check()
            yield record

"""How far the log is read, in time: up to when windows have ended, and up to when they can be closed. Pure."""

from collections.abc import Mapping
from typing import NamedTuple

from streams.record import Record, TopicPartition


class End(NamedTuple):
    """The end of a partition, as the broker last told it."""

    offset: int
    heard_ms: int
    """When it told."""


class Reach(NamedTuple):
    """Times in milliseconds; 0 while nothing is known."""

    ended_ms: int
    """What ended by then may be told: all of it was read, but for stragglers."""
    closed_ms: int
    """Nothing more comes that reached the log by then."""
    lag: int
    """Records that have not been read yet."""


class Reading:
    """What was read of each partition since it was assigned."""

    def __init__(self, begins: Mapping[TopicPartition, int]) -> None:
        self._next = dict(begins)
        self._last_ms: dict[TopicPartition, int] = {}

    @property
    def places(self) -> frozenset[TopicPartition]:
        return frozenset(self._next)

    @property
    def next_offsets(self) -> Mapping[TopicPartition, int]:
        return self._next

    def read(self, record: Record) -> None:
        place = record.topic_partition
        self._next[place] = record.offset + 1
        self._last_ms[place] = max(record.timestamp_ms, self._last_ms.get(place, 0))

    def reach(self, ends: Mapping[TopicPartition, End], now_ms: int, settle_ms: int) -> Reach:
        """A partition that was read to its end is as far as the clock; another one as far as its last record."""
        if not self._next or not ends.keys() >= self._next.keys():
            return Reach(0, 0, 0)
        unread = {place: max(0, ends[place].offset - offset) for place, offset in self._next.items()}
        ended = min(self._last_ms.get(place, 0) if unread[place] else now_ms for place in unread)
        closed = min(self._last_ms.get(place, 0) if unread[place] else ends[place].heard_ms for place in unread)
        return Reach(ended, max(0, closed - settle_ms), sum(unread.values()))

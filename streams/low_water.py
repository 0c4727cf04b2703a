"""Contiguous low-water mark: which offset may be committed when work finishes out of order.

Everything below the mark is finished, so nothing in flight is skipped after a crash. Offsets in a partition may have
gaps (compaction, transaction markers): contiguous means among the records that were started.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from streams.record import TopicPartition


@dataclass(slots=True)
class _Partition:
    in_flight: deque[int] = field(default_factory=deque)
    finished: set[int] = field(default_factory=set)
    mark: int | None = None
    taken: int | None = None

    def is_ahead_of(self, offset: int) -> bool:
        read = bool(self.in_flight) and offset <= self.in_flight[-1]
        return read or (self.mark is not None and offset < self.mark)


class LowWater:
    """Marks of all partitions that one consumer works on. Offsets of a partition are started in rising order."""

    def __init__(self) -> None:
        self._partitions: dict[TopicPartition, _Partition] = {}

    def started(self, place: TopicPartition, offset: int) -> None:
        """A record was read. A lower offset than before means that the partition was rewound: earlier work is moot."""
        state = self._partitions.get(place)
        if state is None or state.is_ahead_of(offset):
            state = self._partitions[place] = _Partition()
        state.in_flight.append(offset)

    def finished(self, place: TopicPartition, offset: int) -> None:
        """Work on a record ended. Records of forgotten partitions are ignored."""
        state = self._partitions.get(place)
        if state is None:
            return
        if state.in_flight and state.in_flight[0] == offset:  # in order, as nearly always
            state.in_flight.popleft()
            state.mark = offset + 1
        else:
            state.finished.add(offset)
        while state.finished and state.in_flight and state.in_flight[0] in state.finished:
            done = state.in_flight.popleft()
            state.finished.discard(done)
            state.mark = done + 1
        if not state.in_flight:
            state.finished.clear()

    def tracks(self, place: TopicPartition) -> bool:
        return place in self._partitions

    def to_commit(self) -> dict[TopicPartition, int]:
        """Next offset to read of each partition whose mark moved since `committed` was last called."""
        moved = self._partitions.items()
        return {place: state.mark for place, state in moved if state.mark is not None and state.mark != state.taken}

    def committed(self, next_offsets: dict[TopicPartition, int]) -> None:
        for place, offset in next_offsets.items():
            if (state := self._partitions.get(place)) is not None:
                state.taken = offset

    def forget(self, places: Iterable[TopicPartition]) -> None:
        """Partitions that went away: their work in flight no longer counts."""
        for place in places:
            self._partitions.pop(place, None)

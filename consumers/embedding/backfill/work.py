"""The work on one rollout: what is to be embedded anew, and one portion of it after the other."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from consumers.embedding.backfill.newest import fact_of, newest
from schemas.event import Event
from streams.record import Record
from streams.scan import Scan


@dataclass(slots=True)
class Portion:
    """Facts of one partition."""

    partition: int
    end: int
    """Offset before which nothing is left once these facts are done."""
    facts: list[Event] = field(default_factory=list)


class Work:
    """Goes through the partitions one by one, from where it was reached to where it ends."""

    def __init__(self, scan: Scan, topic: str, ends: Mapping[int, int], reached: Mapping[int, int]) -> None:
        self._scan = scan
        self._topic = topic
        self._ends = ends
        self._newest: dict[int, array[int]] = {}
        self._reading: tuple[int, Iterator[Record]] | None = None
        self._taken: Record | None = None
        """Read, but not part of a portion yet."""
        self.reached = dict(reached)

    def look_through(self) -> bool:
        """Finds out what there is in one more partition; whether all are known now. Raises Unavailable."""
        unknown = [partition for partition in self._ends if partition not in self._newest]
        for partition in unknown[:1]:
            self._newest[partition] = newest(self._scan.read(self._topic, partition, 0, self._ends[partition]))
        return len(unknown) <= 1

    @property
    def total(self) -> int:
        """Items there are."""
        return sum(map(len, self._newest.values()))

    @property
    def done(self) -> int:
        """Items that lie before what was reached."""
        return sum(bisect_left(offsets, self.reached.get(place, 0)) for place, offsets in self._newest.items())

    def portion(self, max_records: int, max_bytes: int) -> Portion | None:
        """The next facts; None at the end. Raises Unavailable."""
        for partition, offsets in sorted(self._newest.items()):
            at = bisect_left(offsets, self.reached.get(partition, 0))
            if at < len(offsets):
                return self._portion(partition, offsets[at : at + max_records], max_bytes)
        return None

    def finish(self, portion: Portion) -> None:
        """It has been published and acknowledged."""
        self.reached[portion.partition] = portion.end

    def take_again(self) -> None:
        """What was taken could not be finished."""
        self._reading = self._taken = None

    def _portion(self, partition: int, offsets: "array[int]", max_bytes: int) -> Portion:
        wanted, portion, size = set(offsets), Portion(partition, offsets[-1] + 1), 0
        while (record := self._next(partition, offsets[0])) is not None:
            if record.offset > offsets[-1]:  # the last one wanted is not in the log any more
                self._taken = record
                break
            if record.offset not in wanted:
                continue
            if size and size + record.size > max_bytes:
                self._taken, portion.end = record, record.offset
                break
            size += record.size
            if (fact := fact_of(record)) is not None:
                portion.facts.append(fact)
            if record.offset == offsets[-1]:
                break
        return portion

    def _next(self, partition: int, start: int) -> Record | None:
        """Goes on where the last portion ended, or begins at `start`."""
        if self._reading is None or self._reading[0] != partition:
            self._reading = partition, iter(self._scan.read(self._topic, partition, start, self._ends[partition]))
            self._taken = None
        record, self._taken = self._taken, None
        return record or next(self._reading[1], None)

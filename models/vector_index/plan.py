"""What a batch of entries does to the index, decided before anything is written.

The head of an item, its part 0, holds the version in effect and the number of its parts. Whoever writes reads the heads
first, lets `decide` drop what is old, and writes each item's points under the guard "only over a lower rank". The
guard alone would not do: an id that is absent is inserted whatever the guard says, so an old version with more parts
than the new one would leave its last parts behind.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from models.vector_index.port import Applied, Entry, Head

Key = tuple[str, str]
"""Tenant and item."""


@dataclass(frozen=True, slots=True)
class Write:
    """An entry that takes effect."""

    entry: Entry
    over: int
    """Rank in effect before, -1 where there is none; no point of the item has a higher one."""
    parts_before: int
    """Parts from here down to the entry's own number of parts must become tombstones."""

    @property
    def parts(self) -> int:
        return len(self.entry.content.parts) if self.entry.content else 0

    @property
    def points(self) -> int:
        """Points to write; the head is one even of a withdrawal."""
        return max(self.parts, self.parts_before, 1)


def key_of(entry: Entry) -> Key:
    return entry.tenant, entry.item_id


def decide(entries: Sequence[Entry], heads: Mapping[Key, Head]) -> tuple[list[Applied], list[Write]]:
    """What each entry does, and the writes of those that take effect: the highest version of each item, once."""
    highest: dict[Key, int] = {}
    parts: dict[Key, int] = {}
    for entry in entries:
        key = key_of(entry)
        highest[key] = max(entry.rank, highest.get(key, -1))
        # A version superseded within the batch may have been half written before a crash: its parts count too.
        parts[key] = max(len(entry.content.parts) if entry.content else 0, parts.get(key, 0))
    applied: list[Applied] = []
    writes: dict[Key, Write] = {}
    for entry in entries:
        key = key_of(entry)
        head = heads.get(key)
        outcome = _outcome(entry.rank, highest[key], head, key in writes)
        if outcome is Applied.WRITTEN:
            before = max(parts[key], head.parts) if head else parts[key]
            writes[key] = Write(entry, head.rank if head else -1, before)
        applied.append(outcome)
    return applied, list(writes.values())


def _outcome(rank: int, highest: int, head: Head | None, written: bool) -> Applied:
    if head is not None and rank <= head.rank:
        return Applied.IN_EFFECT if rank == head.rank else Applied.STALE
    if rank < highest:
        return Applied.STALE
    return Applied.IN_EFFECT if written else Applied.WRITTEN


def guarded(writes: Iterable[Write], max_points: int) -> Iterator[tuple[int, list[Write]]]:
    """Writes in as few operations as possible, each with a guard that is right for every point in it.

    A guard "only over a rank below g" is right for a write if g lies above the version it replaces and not above its
    own. Exact only while nobody else writes. Operations hold whole items and about `max_points` points.
    """
    guard, points, operation = -1, 0, list[Write]()
    for write in sorted(writes, key=lambda write: write.entry.rank):
        if operation and (write.over >= guard or points + write.points > max_points):
            yield guard, operation
            guard, points, operation = -1, 0, []
        if not operation:
            guard = write.entry.rank
        operation.append(write)
        points += write.points
    if operation:
        yield guard, operation

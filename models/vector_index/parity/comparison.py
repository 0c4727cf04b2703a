"""Whether two spaces hold the same items in the same versions.

Both are walked in one order, a step at a time, so that neither has to be held in memory. Items change meanwhile: what
differs is looked at again before it is told.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from math import nan
from typing import NamedTuple

from models.vector_index.parity.recall import recall_against_exact
from models.vector_index.parity.walks import counted
from models.vector_index.port import Counted, VectorIndex

MOST = 1000
"""Differing items that are looked at again together."""
LOOKS = 3
NAMED = 10


class Item(NamedTuple):
    tenant: str
    item_id: str


@dataclass(frozen=True, slots=True)
class Parity:
    """Two spaces side by side. Of the items that differ some are named."""

    live: int
    candidate: int
    """Items in each."""
    missing: tuple[Item, ...]
    """In the live space alone."""
    stale: tuple[Item, ...]
    """In both, in different versions."""
    extra: tuple[Item, ...]
    """In the candidate's space alone."""
    recall: float
    """Of the true nearest items of a sample the share that searching the candidate's space finds; NaN without one."""

    @property
    def equal(self) -> bool:
        return not (self.missing or self.stale or self.extra)

    def difference(self, least_recall: float = 0.0) -> str:
        """What keeps them from being equal, in words; empty if nothing does. Many read them, so no item is named."""
        kinds = {"items are missing": self.missing, "some are of another version": self.stale}
        found = [words for words, items in (kinds | {"some are too many": self.extra}).items() if items]
        if self.recall < least_recall:
            found.append(f"a search finds {self.recall:.3f} of the true neighbours, not {least_recall:.3f}")
        counts = f" ({self.live} items, {self.candidate} in the new space)" if found else ""
        return "; ".join(found) + counts


def compare(index: VectorIndex, live_version: str, candidate_version: str, sample: int = 50, k: int = 10) -> Parity:
    """Both spaces side by side, all tenants. `sample` items are asked for their `k` nearest; 0 leaves recall out."""
    live, candidate = _Walk(index, live_version), _Walk(index, candidate_version)
    found = _differing(live, candidate)
    while True:
        looked_at = {Item(one.tenant, one.item_id) for one in islice(found, MOST)}
        differing, held, filled = _looked_again(index, (live_version, candidate_version), looked_at)
        if differing or len(looked_at) < MOST:  # what was on its way has arrived: behind it others may be missing
            break
    for walk in (live, candidate):
        walk.finish()
    return Parity(
        live.count,
        candidate.count,
        missing=_some(item for item in differing if item not in filled),
        stale=_some(item for item in differing if item in held and item in filled),
        extra=_some(item for item in differing if item not in held),
        recall=recall_against_exact(index, candidate_version, sample, k) if sample else nan,
    )


def _looked_again(
    index: VectorIndex, versions: tuple[str, str], differing: set[Item]
) -> tuple[set[Item], dict[Item, int], dict[Item, int]]:
    """Those that differ still, and what the live space and the candidate's hold of them."""
    held, filled = dict[Item, int](), dict[Item, int]()
    for _ in range(LOOKS):
        held, filled = (_versions(index, version, differing) for version in versions)
        differing = {item for item in differing if held.get(item) != filled.get(item)}
    return differing, held, filled


class _Walk:
    """Counts what it passes."""

    def __init__(self, index: VectorIndex, model_version: str) -> None:
        self._items = counted(index, model_version)
        self.count = 0

    def next(self) -> Counted | None:
        found = next(self._items, None)
        self.count += found is not None
        return found

    def finish(self) -> None:
        while self.next() is not None:
            pass


def _differing(live: _Walk, candidate: _Walk) -> Iterator[Counted]:
    one, other = live.next(), candidate.next()
    while one is not None or other is not None:
        if one is None or (other is not None and other.place < one.place):
            assert other is not None
            yield other
            other = candidate.next()
        elif other is None or one.place < other.place:
            yield one
            one = live.next()
        else:
            if one.version != other.version:
                yield one
            one, other = live.next(), candidate.next()


def _versions(index: VectorIndex, model_version: str, items: Collection[Item]) -> dict[Item, int]:
    """Versions in effect of those that are in a space."""
    found: dict[Item, int] = {}
    for tenant, ours in groupby(sorted(items), key=lambda item: item.tenant):
        held = index.vectors(tenant, model_version, [item.item_id for item in ours])
        found |= {Item(tenant, item_id): version for item_id, (version, _) in held.items()}
    return found


def _some(items: Iterable[Item]) -> tuple[Item, ...]:
    return tuple(sorted(items)[:NAMED])

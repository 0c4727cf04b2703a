"""The items of a tenant in memory: vectors, signals and the neighbour graph, each item in a slot of its own.

Labelled items stay, because labels spread from them. When the pool is full the oldest items without a label go, some at
once; nothing is lost with them but being scored again. Slots are given to other items later: whoever keeps one also
keeps its `arrived` number, which no two items share.
"""

from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.pool.nearness import Nearby
from schemas.items import Modality

NOBODY = -1
LEAVING_SHARE = 20
"""One in so many leaves when the pool is full."""
_MODALITIES = tuple(Modality)

Slots = NDArray[np.intp]
_NOTHING: Slots = np.empty(0, dtype=np.intp)


class Pool:
    """At most `capacity` items. Memory is taken as slots are used. Not shared between threads."""

    def __init__(self, dim: int, capacity: int, neighbours: int) -> None:
        self.vectors = np.zeros((capacity, dim), dtype=np.float32)
        self.versions = np.zeros(capacity, dtype=np.int64)
        self.arrived = np.zeros(capacity, dtype=np.int64)
        """Rises with every item; 0 where a slot is free."""
        self.signals = np.zeros(capacity)
        self.measured = np.zeros((capacity, 2), dtype=np.int64)
        """Start of the window that a signal was measured in, and its revision."""
        self.densities = np.zeros(capacity)
        self.near = np.full((capacity, neighbours), NOBODY, dtype=np.int32)
        """Slots of each item's neighbours, as far as the pool knows them; nearest first, with gaps."""
        self.far = np.full((capacity, neighbours), np.inf)
        self.kept = np.zeros(capacity, dtype=bool)
        """Items with a label, which leave last."""
        self.ids: list[str] = []
        self.modalities = np.zeros(capacity, dtype=np.int8)
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._arrivals = 0

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def used(self) -> int:
        """Slots from here on were never used."""
        return len(self.ids)

    def slot(self, item_id: str) -> int | None:
        return self._slots.get(item_id)

    def slots_of(self, item_ids: Iterable[str]) -> Slots:
        """Slots of those items that are here."""
        return np.array([self._slots[item_id] for item_id in item_ids if item_id in self._slots], dtype=np.intp)

    def all_slots(self) -> Slots:
        return np.flatnonzero(self.arrived[: self.used])

    def modality(self, slot: int) -> Modality:
        return _MODALITIES[int(self.modalities[slot])]

    @property
    def room(self) -> int:
        """Items that could still come without another one leaving."""
        return len(self.arrived) - len(self)

    def crowded_out(self, item_ids: Collection[str]) -> Slots:
        """Slots that others must leave before all of these can come."""
        missing = sum(item_id not in self for item_id in item_ids) - self.room
        return self._oldest(max(missing, len(self) // LEAVING_SHARE)) if missing > 0 else _NOTHING

    def put(self, item_id: str, version: int, modality: Modality, vector: NDArray[np.float32]) -> int:
        """The item's slot. A newer version takes the place of an older. There must be room."""
        slot = self._slots.get(item_id)
        if slot is None:
            slot = self._seat(item_id)
        self.vectors[slot], self.versions[slot] = vector, version
        self.modalities[slot] = _MODALITIES.index(modality)
        return slot

    def link(self, slot: int, nearby: Nearby) -> None:
        """Notes what lies near an item."""
        known = [(self._slots[one], d2) for one, d2 in zip(nearby.ids, nearby.distances, strict=True) if one in self]
        known = [(place, d2) for place, d2 in known if place != slot][: self.near.shape[1]]
        self.near[slot], self.far[slot] = NOBODY, np.inf
        self.near[slot, : len(known)] = [place for place, _ in known]
        self.far[slot, : len(known)] = [d2 for _, d2 in known]
        self.densities[slot] = nearby.density

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._slots

    def measure(self, slot: int, signal: float, at_ms: int, revision: int) -> bool:
        """Notes a feedback signal, unless a later one is there; whether it counted."""
        if tuple(self.measured[slot]) > (at_ms, revision):
            return False
        self.signals[slot], self.measured[slot] = signal, (at_ms, revision)
        return True

    def remove_slots(self, slots: Collection[int] | Slots) -> None:
        """Takes items away, and every edge to them; one pass over the edges, so tell of many at once."""
        leaving = np.asarray(list(slots), dtype=np.intp)
        if not len(leaving):
            return
        for slot in leaving:
            del self._slots[self.ids[slot]]
            self._free.append(int(slot))
        self.arrived[leaving], self.signals[leaving], self.densities[leaving] = 0, 0.0, 0.0
        self.kept[leaving], self.measured[leaving] = False, 0
        self.near[leaving], self.far[leaving] = NOBODY, np.inf
        gone = np.isin(self.near[: self.used], leaving)
        self.near[: self.used][gone], self.far[: self.used][gone] = NOBODY, np.inf

    def edges(self) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Slots of neighbours and squared distances of all slots ever used, nearest first and without gaps."""
        far = self.far[: self.used]
        order = np.argsort(far, axis=1, kind="stable")
        return np.take_along_axis(self.near[: self.used], order, axis=1), np.take_along_axis(far, order, axis=1)

    def _seat(self, item_id: str) -> int:
        if self._free:
            slot = self._free.pop()
            self.ids[slot] = item_id
        else:
            slot = self.used
            self.ids.append(item_id)
        self._slots[item_id] = slot
        self._arrivals += 1
        self.arrived[slot] = self._arrivals
        return slot

    def _oldest(self, count: int) -> Slots:
        slots = self.all_slots()
        order = np.lexsort((self.arrived[slots], self.kept[slots]))
        return slots[order[:count]]

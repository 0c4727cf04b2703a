"""The neighbour graph of the items, kept as they come and go.

Each item keeps its nearest neighbours; a newcomer also improves the lists of those it is near. Two things to know:

- **Copies share a place.** Some twenty exact copies would be each other's only neighbours: an island that looks dense.
  So an item within `copy_distance` of a known one shares that one's place, and the matrix has one row for both,
  named by the earliest that is still there. `representative` says which one that is.
- **Order.** Rows stand in the order in which their places were first taken, and of equally near neighbours the one
  known longer is kept. Nothing else depends on the order, if `put` is told all that are near. With only the nearest 15
  of the index, an item can lack a neighbour that came later and has itself 15 nearer ones; tell it of twice as many.
"""

from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.neighbours.config import NeighbourConfig
from models.neighbours.exact import distinct, nearest
from models.neighbours.similarity import similarity

_NOBODY = -1
_FIRST_PLACES = 64
_DEFAULT = NeighbourConfig()


class NeighbourGraph:
    """Items by key. `put` costs O(neighbours), `remove` O(1), `csr` one pass over what changed since."""

    def __init__(self, config: NeighbourConfig = _DEFAULT) -> None:
        self._config = config
        self._place_of: dict[str, int] = {}
        self._keys_at: list[list[str]] = []
        self._near = np.full((_FIRST_PLACES, config.neighbours), _NOBODY, dtype=np.int32)
        self._far = np.full((_FIRST_PLACES, config.neighbours), np.inf, dtype=np.float64)
        self._there = np.zeros(_FIRST_PLACES, dtype=bool)
        self._built: tuple[list[str], csr_matrix] | None = None

    @classmethod
    def from_vectors(
        cls,
        keys: Sequence[str],
        vectors: NDArray[np.floating],
        config: NeighbourConfig = _DEFAULT,
    ) -> Self:
        """The exact graph of these vectors, by squared distance, in blocks."""
        if len(keys) != len(vectors) or len(set(keys)) != len(keys):
            raise ValueError("every vector needs a key of its own")
        graph = cls(config)
        first, place = distinct(vectors, config.copy_distance)
        graph._grow(len(first))
        for key, own in zip(keys, place, strict=True):
            graph._seat(key, int(own))
        graph._near[: len(first)], graph._far[: len(first)] = nearest(vectors[first], config.neighbours)
        return graph

    def __len__(self) -> int:
        return len(self._place_of)

    def __contains__(self, key: str) -> bool:
        return key in self._place_of

    def keys(self) -> list[str]:
        """All items, copies included, in the order they came."""
        return list(self._place_of)

    def representative(self, key: str) -> str:
        """The item that stands for this one in the matrix: itself, unless it is a copy."""
        return self._keys_at[self._place_of[key]][0]

    def copies(self, key: str) -> tuple[str, ...]:
        """All items at its place, itself included."""
        return tuple(self._keys_at[self._place_of[key]])

    def neighbours(self, key: str) -> list[tuple[str, float]]:
        """Its nearest other places, by the item that stands for each, with squared distances; nearest first."""
        near, far = self._living(self._place_of[key])
        return [(self._keys_at[place][0], float(d2)) for place, d2 in zip(near, far, strict=True)]

    def put(self, key: str, neighbours: Sequence[tuple[str, float]]) -> None:
        """A new item and the squared distances to items near it; those it does not know are passed over."""
        if key in self._place_of:
            raise ValueError(f"{key} is in the graph already: replace it")
        known = self._known(neighbours)
        self._built = None
        copied = [place for d2, place in known if d2 <= self._config.copy_distance]
        if copied:
            self._seat(key, copied[0])
            return
        own = len(self._keys_at)
        self._grow(own + 1)
        self._seat(key, own)
        self._list(own, known)
        self._offer(own, known)

    def remove(self, key: str) -> bool:
        """Takes the item and all its edges away; says whether it was there. A copy of it takes its place."""
        place = self._place_of.pop(key, None)
        if place is None:
            return False
        self._built = None
        self._keys_at[place].remove(key)
        self._there[place] = bool(self._keys_at[place])
        if len(self._keys_at) > 2 * len(self._place_of) + _FIRST_PLACES:
            self._compact()
        return True

    def replace(self, key: str, neighbours: Sequence[tuple[str, float]]) -> None:
        """The item with a new vector; as `put` where it was not there."""
        self._known(neighbours)
        self.remove(key)
        self.put(key, [(other, d2) for other, d2 in neighbours if other != key])

    def csr(self) -> tuple[list[str], csr_matrix]:
        """One key a row, and the symmetric similarities W; the same objects until something changes."""
        if self._built is None:
            self._compact()
            size = len(self._keys_at)
            matrix = similarity(self._near[:size], self._far[:size], self._config.scaling_neighbour)
            self._built = [keys[0] for keys in self._keys_at], matrix
        return self._built

    def _known(self, neighbours: Iterable[tuple[str, float]]) -> list[tuple[float, int]]:
        """Distance and place of those that are known, each place once, nearest first."""
        nearest_of: dict[int, float] = {}
        for key, d2 in neighbours:
            if not np.isfinite(d2):
                raise ValueError(f"the distance to {key} is not a finite number")
            place = self._place_of.get(key)
            if place is not None:
                nearest_of[place] = min(max(float(d2), 0.0), nearest_of.get(place, np.inf))
        return sorted((d2, place) for place, d2 in nearest_of.items())

    def _seat(self, key: str, place: int) -> None:
        if place == len(self._keys_at):
            self._keys_at.append([])
        self._keys_at[place].append(key)
        self._place_of[key] = place
        self._there[place] = True

    def _living(self, place: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        near, far = self._near[place], self._far[place]
        kept = (near != _NOBODY) & self._there[near]
        return near[kept], far[kept]

    def _list(self, own: int, known: Sequence[tuple[float, int]]) -> None:
        """Writes the newcomer's list, nearest first."""
        for rank, (d2, place) in enumerate(known[: self._config.neighbours]):
            self._near[own, rank], self._far[own, rank] = place, d2

    def _offer(self, own: int, known: Sequence[tuple[float, int]]) -> None:
        """Puts the newcomer into the lists of those it is near, where it is near enough; removed items make room."""
        places = np.array([place for _, place in known], dtype=np.intp)
        near, far = self._near[places], self._far[places]
        far = np.where((near != _NOBODY) & self._there[near], far, np.inf)
        near = np.column_stack([near, np.full(len(places), own, dtype=np.int32)])
        far = np.column_stack([far, [d2 for d2, _ in known]])
        order = np.argsort(far, axis=1, kind="stable")[:, : self._config.neighbours]
        far = np.take_along_axis(far, order, axis=1)
        self._far[places] = far
        self._near[places] = np.where(np.isinf(far), _NOBODY, np.take_along_axis(near, order, axis=1))

    def _grow(self, places: int) -> None:
        missing = places - len(self._there)
        if missing <= 0:
            return
        more = max(missing, len(self._there))
        self._near = np.pad(self._near, ((0, more), (0, 0)), constant_values=_NOBODY)
        self._far = np.pad(self._far, ((0, more), (0, 0)), constant_values=np.inf)
        self._there = np.pad(self._there, (0, more))

    def _compact(self) -> None:
        """Gives the places of removed items away, and drops the edges to them."""
        size = len(self._keys_at)
        there = self._there[:size]
        if there.all():
            return
        renamed = np.append(np.where(there, np.cumsum(there) - 1, _NOBODY), _NOBODY).astype(np.int32)
        near = renamed[self._near[:size][there]]
        far = np.where(near == _NOBODY, np.inf, self._far[:size][there])
        order = np.argsort(far, axis=1, kind="stable")
        left = len(near)
        self._near[:size], self._far[:size], self._there[:size] = _NOBODY, np.inf, False
        self._near[:left] = np.take_along_axis(near, order, axis=1)
        self._far[:left] = np.take_along_axis(far, order, axis=1)
        self._there[:left] = True
        self._keys_at = [keys for keys in self._keys_at if keys]
        self._place_of = {key: int(renamed[place]) for key, place in self._place_of.items()}

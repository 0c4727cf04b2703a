"""Labels spread over the pool's neighbour graph: a second opinion for the predictions that annotators are shown.

The graph is the pool's own: each item's list of neighbours, where an edge that one end lists counts for both. Exact
copies do not share a place here, as curation lets none through. Values are kept by slot, with the `arrived` number of
the item they belong to.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.pool.slots import NOBODY, Pool
from models.heads.linear import indices
from models.neighbours.config import NeighbourConfig
from models.neighbours.propagation import FIRST_STEPS, LATER_STEPS, mixture, propagate
from models.neighbours.similarity import similarity

_LEAST_WIDTH = 1e-6


class Spread:
    """The raw values of one task, from the last time labels were spread."""

    def __init__(self, neighbours: NeighbourConfig) -> None:
        self._scaling = neighbours.scaling_neighbour
        self._classes: tuple[str, ...] = ()
        self._values = np.zeros((0, 0), dtype=np.float32)
        self._arrived = np.zeros(0, dtype=np.int64)
        self._widths = np.zeros(0)

    def refresh(self, pool: Pool, labels: Mapping[str, tuple[str, float]], classes: tuple[str, ...]) -> None:
        """Spreads labels, by item with their trust, from where the values stood before."""
        near, far = pool.edges()
        truth, trust = np.full(pool.used, NOBODY, dtype=np.intp), np.zeros(pool.used)
        here = [(slot, *labels[item_id]) for item_id in labels if (slot := pool.slot(item_id)) is not None]
        slots = np.array([slot for slot, _, _ in here], dtype=np.intp)
        truth[slots] = indices([label for _, label, _ in here], classes)
        trust[slots] = [weight for _, _, weight in here]
        start = self._carried(pool, classes)
        steps = LATER_STEPS if start.any() else FIRST_STEPS
        graph = similarity(near, far, self._scaling)
        self._values = propagate(graph, truth, trust, start, steps, len(classes))
        self._classes, self._arrived = classes, pool.arrived[: pool.used].copy()
        self._widths = self._width(near, far)

    def mixed(
        self, pool: Pool, slots: NDArray[np.intp], classes: tuple[str, ...], p: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Half the head's probabilities, half what the labels nearby say; the head alone before labels were spread."""
        if classes != self._classes or not len(self._arrived):
            return p
        return mixture(p, self._of(pool, slots))

    def _of(self, pool: Pool, slots: NDArray[np.intp]) -> NDArray[np.float32]:
        """Values of items; of one that came since, those of its neighbours by their similarity to it."""
        known = self._known(pool, slots)
        values = np.zeros((len(slots), len(self._classes)), dtype=np.float32)
        values[known] = self._values[slots[known]]
        new = slots[~known]
        near, far = pool.near[new], pool.far[new]
        there = (near != NOBODY) & self._known(pool, np.maximum(near, 0))
        place = np.where(there, near, 0)
        scale = np.sqrt(self._width(near, far)[:, None] * np.where(there, self._widths[place], 1.0))
        weights = np.where(there, np.exp(-np.where(there, far, 0.0) / scale), 0.0)
        values[~known] = np.einsum("ik,ikc->ic", weights, self._values[place])
        return values

    def _known(self, pool: Pool, slots: NDArray[np.integer]) -> NDArray[np.bool_]:
        inside = slots < len(self._arrived)
        return np.asarray(inside & (self._arrived[np.where(inside, slots, 0)] == pool.arrived[slots]))

    def _carried(self, pool: Pool, classes: tuple[str, ...]) -> NDArray[np.float32]:
        """The values before in the places of today's classes; nothing where a slot has another item now."""
        start = np.zeros((pool.used, len(classes)), dtype=np.float32)
        same = self._arrived == pool.arrived[: len(self._arrived)]
        column = indices(classes, self._classes)
        kept = column >= 0
        start[np.ix_(np.flatnonzero(same), np.flatnonzero(kept))] = self._values[same][:, column[kept]]
        return start

    def _width(self, near: NDArray[np.int32], far: NDArray[np.float64]) -> NDArray[np.float64]:
        counts = np.isfinite(far).sum(axis=1)
        ordered = np.sort(far, axis=1)
        at = np.maximum(np.minimum(counts, self._scaling) - 1, 0)
        return np.where(counts > 0, ordered[np.arange(len(far)), at], 1.0) + _LEAST_WIDTH

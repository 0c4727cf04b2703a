"""Neighbours within the pool: one product of the asking vectors with all others, exact.

The pool holds the vectors of the index that matter here, those of candidates and labelled items, and it holds them as
soon as they arrive. So it answers at once what the index would answer a little later, for a third of the cost of the
engine's own scan, without holding searches up, and its cost is bounded by its size, however large the index grows.
"""

import numpy as np
from numpy.typing import NDArray

from consumers.scoring.pool.nearness import Nearby
from consumers.scoring.pool.slots import Pool, Slots

ASKED_AT_ONCE = 64
"""Rows of one product; with 50,000 items it takes 13 MB."""
BLOCK = 64
"""The best few of a row lie in the blocks with the best maxima: most of the row need not be ordered."""
NEVER = -4.0


def near_in_pool(pool: Pool, slots: Slots, count: int) -> list[Nearby]:
    """The nearest other items of its modality for each item."""
    found: dict[int, Nearby] = {}
    for code in np.unique(pool.modalities[slots]):
        others = (pool.modalities[: pool.used] != code) | (pool.arrived[: pool.used] == 0)
        rows = np.flatnonzero(pool.modalities[slots] == code)
        for start in range(0, len(rows), ASKED_AT_ONCE):
            some = rows[start : start + ASKED_AT_ONCE]
            found |= zip(some.tolist(), _nearest(pool, slots[some], others, count), strict=True)
    return [found[row] for row in range(len(slots))]


def _nearest(pool: Pool, slots: Slots, others: NDArray[np.bool_], count: int) -> list[Nearby]:
    used = pool.used
    similar = np.full((len(slots), -(-used // BLOCK) * BLOCK), NEVER, dtype=np.float32)
    np.matmul(pool.vectors[slots], pool.vectors[:used].T, out=similar[:, :used])
    if others.any():
        similar[:, np.flatnonzero(others)] = NEVER
    similar[np.arange(len(slots)), slots] = NEVER
    places, values = _best(similar, count)
    distances = np.clip(2 - 2 * values.astype(np.float64), 0.0, 4.0)
    return [_nearby(pool, *row) for row in zip(places.tolist(), distances.tolist(), values.tolist(), strict=True)]


def _nearby(pool: Pool, places: list[int], distances: list[float], values: list[float]) -> Nearby:
    known = sum(value > NEVER for value in values)
    return Nearby(tuple(pool.ids[place] for place in places[:known]), tuple(distances[:known]))


def _best(similar: NDArray[np.float32], count: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Columns and values of the best of each row, best first."""
    rows = np.arange(len(similar))[:, None]
    blocks = similar.reshape(len(similar), -1, BLOCK)
    maxima = blocks.max(axis=2)
    few = min(count, maxima.shape[1])
    best_blocks = np.sort(np.argpartition(-maxima, few - 1, axis=1)[:, :few], axis=1)
    columns = (best_blocks[:, :, None] * BLOCK + np.arange(BLOCK)).reshape(len(similar), -1)
    values = similar[rows, columns]
    wanted = min(count, values.shape[1])
    order = np.argpartition(-values, wanted - 1, axis=1)[:, :wanted]
    order = np.take_along_axis(order, np.lexsort((columns[rows, order], -values[rows, order])), axis=1)
    return columns[rows, order], values[rows, order]

"""Exact nearest neighbours by squared distance, block by block, so that memory stays flat."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 512
_NOBODY = -1


def nearest(vectors: NDArray[np.floating], count: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Row numbers and squared distances of each row's nearest others, nearest first; padded with -1 and infinity."""
    near = np.full((len(vectors), count), _NOBODY, dtype=np.int32)
    far = np.full((len(vectors), count), np.inf)
    found = min(count, len(vectors) - 1)
    for start in range(0, len(vectors) if found > 0 else 0, _BLOCK):
        d2 = _distances(vectors, np.arange(start, min(start + _BLOCK, len(vectors))))
        rows = np.arange(len(d2))[:, None]
        d2[rows[:, 0], start + rows[:, 0]] = np.inf
        some = np.sort(np.argpartition(d2, found - 1, axis=1)[:, :found], axis=1)
        order = np.take_along_axis(some, np.argsort(d2[rows, some], axis=1, kind="stable"), axis=1)
        near[start : start + len(d2), :found] = order
        far[start : start + len(d2), :found] = d2[rows, order]
    return near, far


def nearest_to(
    items: NDArray[np.floating], known: NDArray[np.floating], count: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """As `nearest`, of items outside: the rows of `known` nearest to each. There must be `count` of them."""
    near, far = np.zeros((len(items), count), dtype=np.intp), np.zeros((len(items), count))
    squared = np.einsum("ij,ij->i", known, known)
    for start in range(0, len(items), _BLOCK):
        block = items[start : start + _BLOCK]
        d2 = np.einsum("ij,ij->i", block, block)[:, None] + squared - 2 * (block @ known.T)
        some = np.argpartition(d2, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(d2, some, axis=1), axis=1, kind="stable")
        near[start : start + _BLOCK] = np.take_along_axis(some, order, axis=1)
        far[start : start + _BLOCK] = np.take_along_axis(d2, near[start : start + _BLOCK], axis=1)
    return near, np.maximum(far, 0)


def distinct(vectors: NDArray[np.floating], within: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that are no copy of an earlier one, and for every row which of these it is or copies."""
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite numbers")
    same_as = np.arange(len(vectors))
    for start in range(0, len(vectors), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(vectors)))
        d2 = _distances(vectors, rows)
        d2[np.arange(len(rows)), rows] = 0
        same_as[rows] = np.argmax(d2 <= within, axis=1)
    for row in np.flatnonzero(same_as != np.arange(len(vectors))):
        same_as[row] = same_as[same_as[row]]
    first = np.flatnonzero(same_as == np.arange(len(vectors)))
    return first, np.searchsorted(first, same_as)


def _distances(vectors: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray[np.floating]:
    squared = np.einsum("ij,ij->i", vectors, vectors)
    d2 = squared[rows, None] + squared[None, :] - 2 * (vectors[rows] @ vectors.T)
    return np.asarray(np.maximum(d2, 0))

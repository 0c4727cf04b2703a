"""Graph herding: the candidate whose label would teach most about those neighbours that are unsure and uncovered.

    gain(i) = u_i (1 - cov_i) + sum over neighbours j of u_j max(0, a_ij - cov_j)
    a_ij    = w_ij sqrt(cos(p_i, p_j))

u is how unsure the head is (all 1 before there is one, 0 for the labelled), cov_j the largest a_ij of j to anything
labelled or picked. So the first batch is plain coverage of dense places, far from each other; as the head sharpens, u
moves the gain to its borders; and whatever is picked takes its neighbours' gain away, so near-copies are never asked
for twice. A label says less about a neighbour for which the head expects another class: that is the cosine of their
probabilities p. Before there is a head, or as long as it knows nothing, a is w. There is no switch and no threshold.
"""

import heapq
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from annotation.selection.strategies.port import Allowed, Pick, Pool, anything, shuffled

_COVERED = 1 - 1e-5
"""Similarity from which an item is an exact copy of one that is labelled or picked."""

_EDGES_AT_ONCE = 1 << 16
"""Bounds the memory that comparing probabilities takes."""


class GraphHerding:
    """Greedy and lazy: gains only shrink, so one that still leads after it was brought up to date is the best."""

    name = "graph-herding"

    def choose(self, pool: Pool, count: int, seed: int, allowed: Allowed = anything) -> list[Pick]:
        """Fewer than `count` where nothing is left but copies of what is labelled or picked."""
        gains = Gains(pool)
        order = shuffled(pool.candidates(), seed)
        queue = Queue(order, gains.all()[order])
        picks: list[Pick] = []
        while len(picks) < count and (row := queue.best(gains, len(picks))) is not None:
            if gains.covered(row) or not allowed(row):
                continue
            picks.append(Pick(row, gains.of(row), gains.reason(row)))
            gains.cover(row)
        return picks


class Gains:
    """What a label of each row is worth now; falls with every `cover`, never rises."""

    def __init__(self, pool: Pool) -> None:
        self._graph = pool.graph if pool.probabilities is None else agreeing(pool.graph, pool.probabilities)
        unsure = np.ones(len(pool.keys)) if pool.uncertain is None else np.array(pool.uncertain, dtype=np.float64)
        self._unsure = np.where(pool.labelled, 0.0, unsure)
        self._cover = np.zeros(len(pool.keys))
        columns, weights = _edges(self._graph, np.flatnonzero(pool.labelled))
        np.maximum.at(self._cover, columns, weights)
        self._cover[pool.labelled] = 1.0

    def all(self) -> NDArray[np.float64]:
        """Of every row, in one pass over the edges; the same numbers as `of`, to the last bit."""
        columns = self._graph.indices
        parts = self._unsure[columns] * np.maximum(0.0, self._graph.data - self._cover[columns])
        rows = np.repeat(np.arange(len(self._cover)), np.diff(self._graph.indptr))
        return self._unsure * (1 - self._cover) + np.bincount(rows, weights=parts, minlength=len(self._cover))

    def of(self, row: int) -> float:
        """Of one row."""
        own, near = self._parts(row)
        return own + near

    def reason(self, row: int) -> str:
        """Where the gain comes from, for `select explain`."""
        own, near = self._parts(row)
        unsure, cover = self._unsure[row], self._cover[row]
        return f"gain {own:.3f} of its own (unsure {unsure:.2f}, covered {cover:.2f}) and {near:.3f} of its neighbours"

    def covered(self, row: int) -> bool:
        """Whether it is a copy of something labelled or picked."""
        return bool(self._cover[row] >= _COVERED)

    def cover(self, row: int) -> None:
        """The row is picked: it and its neighbours need less from now on."""
        columns, weights = self._edges_of(row)
        self._cover[columns] = np.maximum(self._cover[columns], weights)
        self._cover[row] = 1.0

    def _parts(self, row: int) -> tuple[float, float]:
        columns, weights = self._edges_of(row)
        parts = self._unsure[columns] * np.maximum(0.0, weights - self._cover[columns])
        near = float(np.cumsum(parts)[-1]) if len(parts) else 0.0  # in the order in which `all` adds
        return float(self._unsure[row] * (1 - self._cover[row])), near

    def _edges_of(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
        span = slice(self._graph.indptr[row], self._graph.indptr[row + 1])
        return self._graph.indices[span], self._graph.data[span]


class Queue:
    """Rows by falling gain, of equal gains the earlier in `order` first. Outdated gains are upper bounds."""

    def __init__(self, order: NDArray[np.intp], gains: NDArray[np.float64]) -> None:
        by_gain = np.argsort(-gains, kind="stable")
        self._first = _entries(order[by_gain], gains[by_gain], by_gain)
        self._next = next(self._first, None)
        self._renewed: list[tuple[float, int, int, int]] = []

    def best(self, gains: Gains, picked: int) -> int | None:
        """Takes the row out whose gain is the largest now; `picked` says how old a gain is."""
        while (entry := self._pop()) is not None:
            _, tie, row, age = entry
            if age == picked:
                return row
            heapq.heappush(self._renewed, (-gains.of(row), tie, row, picked))
        return None

    def _pop(self) -> tuple[float, int, int, int] | None:
        if self._next is not None and (not self._renewed or self._next < self._renewed[0]):
            entry, self._next = self._next, next(self._first, None)
            return entry
        return heapq.heappop(self._renewed) if self._renewed else None


def agreeing(graph: csr_matrix, probabilities: NDArray[np.floating]) -> csr_matrix:
    """Similarities, each lowered by how far the head expects different classes of its two ends."""
    unit = probabilities / np.linalg.norm(probabilities, axis=1, keepdims=True)
    rows = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    cosines = np.empty(len(rows))
    for start in range(0, len(rows), _EDGES_AT_ONCE):
        some = slice(start, start + _EDGES_AT_ONCE)
        cosines[some] = np.einsum("ij,ij->i", unit[rows[some]], unit[graph.indices[some]])
    lowered = graph.data * np.sqrt(np.clip(cosines, 0.0, 1.0))
    return csr_matrix((lowered, graph.indices, graph.indptr), shape=graph.shape)


def _entries(
    rows: NDArray[np.intp], gains: NDArray[np.float64], ties: NDArray[np.intp]
) -> Iterator[tuple[float, int, int, int]]:
    for row, gain, tie in zip(rows, gains, ties, strict=True):
        yield -float(gain), int(tie), int(row), 0


def _edges(graph: csr_matrix, rows: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.floating]]:
    some = graph[rows]
    return some.indices, some.data

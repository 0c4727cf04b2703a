"""One run: a split, a strategy, rounds of batches; macro-F1 on the test set after each, without and with propagation.

A seed fixes the split and the first random batch, so that strategies are compared in pairs.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from annotation.selection.strategies.port import Pool
from models.heads.config import HeadConfig
from models.heads.linear import Head, fit_head, fit_temperature, pool_moments
from models.heads.uncertainty import margin
from models.neighbours.exact import nearest_to
from models.neighbours.graph import NeighbourGraph
from models.neighbours.propagation import F, Gate, mixture, normalised, propagate, rows
from tests.evaluations.datasets import DataSet, Features

ROUNDS = 10
UNKNOWN = -1

Arm = Callable[[Pool, NDArray[np.intp], int, int], list[int]]
"""Pool, the labels known so far (-1: none), count and seed to rows."""


@dataclass(frozen=True)
class Split:
    """Pool and test set of one seed, centred and scaled by the pool, with what is computed once for all strategies."""

    pool: Features
    test: Features
    truth: NDArray[np.intp]
    """Of the pool."""
    test_truth: NDArray[np.intp]
    classes: int
    batch: int
    seed: int

    @classmethod
    def of(cls, data: DataSet, seed: int) -> Self:
        """The split of this seed."""
        numbers = np.random.default_rng(seed)
        order = numbers.permutation(len(data.labels))
        if data.fixed_test is None:
            pool, test = order[: data.pool_size], order[data.pool_size : data.pool_size + data.test_size]
        else:
            pool, test = order[~data.fixed_test[order]][: data.pool_size], np.flatnonzero(data.fixed_test)
        names, truth = np.unique(data.labels, return_inverse=True)
        mean, scale = pool_moments(data.features[pool])
        features = ((data.features - mean) / scale).astype(np.float32)
        return cls(features[pool], features[test], truth[pool], truth[test], len(names), data.batch, seed)

    @cached_property
    def graph(self) -> csr_matrix:
        return NeighbourGraph.from_vectors([str(row) for row in range(len(self.pool))], self.pool).csr()[1]

    @cached_property
    def spreading(self) -> csr_matrix:
        return normalised(self.graph)

    @cached_property
    def test_weights(self) -> csr_matrix:
        """Similarities of the test items to their nearest pool items."""
        near, far = nearest_to(self.test, self.pool, 15)
        _, own = nearest_to(self.pool, self.pool, 8)  # the first is the item itself
        widths, pool_widths = far[:, 6] + 1e-6, own[:, 7] + 1e-6
        weights = np.exp(-far / np.sqrt(widths[:, None] * pool_widths[near]))
        shape = (len(self.test), len(self.pool))
        return csr_matrix((weights.ravel(), near.ravel(), np.arange(0, near.size + 1, 15)), shape=shape)


@dataclass
class Curves:
    """Macro-F1 after each round."""

    head: list[float] = field(default_factory=list)
    spread: list[float] = field(default_factory=list)
    """Of head and graph, gated."""


class Run:
    """The state of one run: labels so far, head, spread values and gate."""

    def __init__(self, split: Split, told: int | None = None) -> None:
        """With `told` an arm sees what scores tell: so many likeliest classes, of head and gated graph."""
        self._split = split
        self._told = told
        self._labels = np.full(len(split.truth), UNKNOWN, dtype=np.intp)
        self._head: Head | None = None
        self._p: Features | None = None
        self._values: F | None = None
        self._gate = Gate()
        self.curves = Curves()

    def through(self, arm: Arm, rounds: int = ROUNDS) -> Curves:
        """All rounds."""
        for number in range(rounds):
            chosen = arm(self._pool(), self._labels, self._split.batch, self._split.seed * 1000 + number)
            batch = np.array(chosen, dtype=np.intp)
            assert len(set(chosen)) == len(batch)
            assert (self._labels[batch] == UNKNOWN).all()
            self._answer(batch)
            self._score()
        return self.curves

    def _pool(self) -> Pool:
        split, known = self._split, self._labels != UNKNOWN
        uncertain = None if self._head is None else margin(self._head.probabilities(split.pool, temperature=True))
        keys = range(len(split.truth))
        return Pool(keys, split.graph, self._seen(), uncertain, split.pool, labelled=known, eligible=~known)  # type: ignore[arg-type]

    def _seen(self) -> Features | None:
        if self._told is None or self._p is None or self._values is None:
            return self._p
        p = mixture(self._p, self._values) if self._gate.opened else self._p
        least = np.partition(p, -self._told, axis=1)[:, -self._told, None] if self._told < p.shape[1] else 0.0
        return np.where(p >= least, p, 0.0)  # type: ignore[operator]

    def _answer(self, batch: NDArray[np.intp]) -> None:
        """Temperature and gate learn from the batch while it is new, then head and graph do."""
        split = self._split
        self._labels[batch] = split.truth[batch]
        if self._head is not None and self._values is not None:
            self._head = fit_temperature(self._head, split.pool[batch], _named(split.truth[batch]))
            self._judge(batch, self._head, self._values)
        known = np.flatnonzero(self._labels != UNKNOWN)
        shape = np.zeros(split.pool.shape[1]), 1.0
        self._head = fit_head(split.pool[known], _named(self._labels[known]), None, *shape, self._head, HeadConfig())
        self._p = self._spread_out(self._head, split.pool)
        self._values = propagate(
            split.graph, self._labels, start=self._values, classes=split.classes, spreading=split.spreading
        )

    def _judge(self, batch: NDArray[np.intp], head: Head, values: F) -> None:
        split = self._split
        p_head = self._spread_out(head, split.pool[batch])
        truth = np.where(np.isin(_named(split.truth[batch]), head.classes), split.truth[batch], UNKNOWN)
        sizes = np.bincount(self._labels[self._labels != UNKNOWN], minlength=split.classes)
        self._gate = self._gate.updated(truth, p_head, mixture(p_head, values[batch]), sizes)

    def _score(self) -> None:
        split = self._split
        assert self._head is not None
        assert self._values is not None
        p_head = self._spread_out(self._head, split.test)
        values = np.asarray(split.test_weights @ self._values)
        p_graph = 0.5 * p_head + 0.5 * rows(_averaged(values, split.test_weights))
        self.curves.head.append(macro_f1(split.test_truth, p_head.argmax(axis=1), split.classes))
        told = p_graph if self._gate.opened else p_head
        self.curves.spread.append(macro_f1(split.test_truth, told.argmax(axis=1), split.classes))

    def _spread_out(self, head: Head, vectors: Features) -> Features:
        """The head's probabilities with a column for every class of the set; unseen ones are 0."""
        p = np.zeros((len(vectors), self._split.classes), dtype=np.float32)
        p[:, [int(name) for name in head.classes]] = head.probabilities(vectors)
        return p


def macro_f1(truth: NDArray[np.intp], told: NDArray[np.intp], classes: int) -> float:
    """Mean F1 over the classes of the test set."""
    hits = np.bincount(truth[truth == told], minlength=classes)
    real, claimed = np.bincount(truth, minlength=classes), np.bincount(told, minlength=classes)
    f1 = 2 * hits / np.maximum(real + claimed, 1)
    return float(f1[real > 0].mean())


def _averaged(values: NDArray[np.floating], weights: csr_matrix) -> NDArray[np.floating]:
    sums = np.asarray(weights.sum(axis=1))
    return np.asarray(values / np.maximum(sums, 1e-12))


def _named(labels: NDArray[np.intp]) -> list[str]:
    return [str(label) for label in labels]

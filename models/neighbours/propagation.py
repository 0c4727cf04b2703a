"""Labels spread over the neighbour graph, the mixture of graph and head, and the gate that says whether to use it.

Raw values F (n, C) are what the next round starts from; `rows` makes probabilities of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags

F = NDArray[np.float32]
Labels = NDArray[np.intp]

FIRST_STEPS = 20
"""Steps from nothing."""
LATER_STEPS = 8
"""Steps from the values of the round before."""

_SPREAD = 0.9
_LEAST = 1e-6


def normalised(graph: csr_matrix) -> csr_matrix:
    """S = D^-1/2 W D^-1/2; an item without neighbours stays without. Keep it as long as W does not change."""
    degrees = np.asarray(graph.sum(axis=1)).ravel()
    roots = np.divide(1, np.sqrt(degrees), out=np.zeros(len(degrees)), where=degrees > 0)
    scaled = diags(roots) @ graph @ diags(roots)
    return csr_matrix(scaled, dtype=np.float32)


def propagate(
    graph: csr_matrix,
    labels: Labels,
    weights: NDArray[np.floating] | None = None,
    start: F | None = None,
    steps: int | None = None,
    classes: int | None = None,
    spreading: csr_matrix | None = None,
) -> F:
    """Raw (n, C) values after `steps` of F <- 0.9 S F + 0.1 Y, where every class has the same weight in Y.

    `labels` is the class of each row of the graph, -1 where it has none; `weights` the trust in it. A `start` with
    fewer classes is widened. `spreading` is `normalised(graph)`, for whoever keeps it.
    """
    count = classes if classes is not None else int(labels.max(initial=-1)) + 1
    seeds = _seeds(labels, weights, count)
    values = _widened(start, seeds.shape)
    step_matrix = normalised(graph) if spreading is None else spreading
    for _ in range(steps if steps is not None else (FIRST_STEPS if start is None else LATER_STEPS)):
        values = np.asarray(_SPREAD * (step_matrix @ values), dtype=np.float32)
        values += (1 - _SPREAD) * seeds
    return values


def rows(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities: each row sums to 1, an item that no label reaches has all classes alike."""
    raised = np.asarray(values, dtype=np.float64) + _LEAST / max(values.shape[1], 1)
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def mixture(p_head: NDArray[np.floating], values: F) -> NDArray[np.float64]:
    """Half the head's (untempered) probabilities, half the graph's. `values` are raw."""
    return np.asarray(0.5 * p_head + 0.5 * rows(values), dtype=np.float64)


def inductive(values: F, weights: NDArray[np.floating]) -> NDArray[np.float64]:
    """(C,) for an item outside the graph: its neighbours' raw values by their similarity to it."""
    return np.asarray(rows(np.asarray(weights, dtype=np.float64)[None, :] @ values)[0])


def carried(values: F, old_keys: Sequence[str], keys: Sequence[str]) -> F:
    """Values of the round before in the rows of a changed graph; newcomers start at zero."""
    place = {key: row for row, key in enumerate(old_keys)}
    source = np.array([place.get(key, -1) for key in keys], dtype=np.intp)
    moved = np.zeros((len(keys), values.shape[1]), dtype=np.float32)
    moved[source >= 0] = values[source[source >= 0]]
    return moved


@dataclass(frozen=True)
class Gate:
    """Uses the mixture as long as it has been right at least as often as the head on labels new to both."""

    score: float = 0.0

    @property
    def opened(self) -> bool:
        return self.score >= 0

    def updated(
        self,
        truth: Labels,
        p_head: NDArray[np.floating],
        p_mixture: NDArray[np.floating],
        class_sizes: NDArray[np.integer],
    ) -> "Gate":
        """After a new batch, judged before the refit: `truth` -1 is a class neither knew.

        `class_sizes` counts the labels of each class, this batch included, so that rare classes have a say.
        """
        known = truth >= 0
        if not known.any():
            return Gate(0.5 * self.score)
        own = truth[known]
        gained = (p_mixture[known].argmax(axis=1) == own).astype(int) - (p_head[known].argmax(axis=1) == own)
        return Gate(0.5 * self.score + float((gained / class_sizes[own]).sum()))


def _seeds(labels: Labels, weights: NDArray[np.floating] | None, classes: int) -> F:
    trust = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not np.isfinite(trust).all() or (trust < 0).any():
        raise ValueError("trust in a label must be a finite number, not below zero")
    given = np.flatnonzero((labels >= 0) & (trust > 0))
    sizes = np.bincount(labels[given], weights=trust[given], minlength=classes)
    seeds = np.zeros((len(labels), classes), dtype=np.float32)
    seeds[given, labels[given]] = trust[given] / sizes[labels[given]]
    return seeds


def _widened(start: F | None, shape: tuple[int, ...]) -> F:
    if start is None:
        return np.zeros(shape, dtype=np.float32)
    if start.shape[0] != shape[0] or start.shape[1] > shape[1]:
        raise ValueError(f"a start of shape {start.shape} does not fit {shape}: carry it over by key first")
    return np.pad(np.asarray(start, dtype=np.float32), ((0, 0), (0, shape[1] - start.shape[1])))

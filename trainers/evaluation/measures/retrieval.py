"""How well right pairs of items and texts are found, from their similarities alone."""

import numpy as np
from numpy.typing import NDArray

from trainers.gate.outcomes import Floats

Similar = NDArray[np.float32]
"""(items, texts)."""
Right = NDArray[np.bool_]
"""(items, texts): who belongs to whom; an item may have several texts, a text several items."""


def ranks(similar: Similar, right: Right) -> Floats:
    """The rank of each item's best right text among the wrong ones, from 1; equal ones count by half."""
    best = np.where(right, similar, -np.inf).max(axis=1, keepdims=True)
    above = ((similar > best) & ~right).sum(axis=1)
    level = ((similar == best) & ~right).sum(axis=1)
    return np.asarray(1 + above + 0.5 * level, dtype=np.float64)


def average_precision(similar: Similar, right: Right) -> Floats:
    """Of each text as a query for items."""
    found = _in_order(similar, right)
    hits = found.cumsum(axis=0)
    places = np.arange(1, len(found) + 1)[:, None]
    return np.asarray((found * hits / places).sum(axis=0) / np.maximum(hits[-1], 1), dtype=np.float64)


def recall(similar: Similar, right: Right, depth: int) -> Floats:
    """Of each text as a query: right items among the first `depth`, of as many as could be there."""
    found = _in_order(similar, right)[:depth].sum(axis=0)
    return np.asarray(found / np.maximum(np.minimum(right.sum(axis=0), depth), 1), dtype=np.float64)


def _in_order(similar: Similar, right: Right) -> NDArray[np.float64]:
    """Whether the items are right, best first, a column for each text.

    Equal ones by lot, the same for every model: by their names those of one class would often stand together.
    """
    lots = np.random.default_rng(len(similar)).permutation(len(similar))
    order = lots[np.argsort(-similar[lots], axis=0, kind="stable")]
    return np.take_along_axis(right, order, axis=0).astype(np.float64)

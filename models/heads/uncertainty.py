"""How unsure probabilities are: each measure (n,) within 0..1, where 1 is least sure.

A head of one class has seen no alternative: it cannot know how sure to be, so it counts as least sure of everything.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.heads.linear import finite
from models.heads.objective import Floats

Unsure = NDArray[np.float64]


def least_confidence(p: Floats) -> Unsure:
    """What the likeliest class lacks, against the flattest distribution of as many classes."""
    classes = _classes(p)
    return _alone(p) if classes == 1 else _bounded((1 - p.max(axis=1)) / (1 - 1 / classes))


def margin(p: Floats) -> Unsure:
    """One minus the lead of the likeliest class over the next."""
    if _classes(p) == 1:
        return _alone(p)
    two = np.partition(p, -2, axis=1)[:, -2:]
    return _bounded(1 - (two[:, 1] - two[:, 0]))


def entropy(p: Floats) -> Unsure:
    """Shannon's entropy against that of the flattest distribution of as many classes."""
    classes = _classes(p)
    return _alone(p) if classes == 1 else _bounded(_entropy(p) / np.log(classes))


def disagreement(opinions: Sequence[Floats]) -> Unsure:
    """Mutual information of item and head: how much several heads, each sure, contradict each other.

    Against the most that so many heads and classes can disagree. One head, or one class, never disagrees.
    """
    stacked = np.stack([np.asarray(p, dtype=np.float64) for p in opinions])
    finite(stacked)
    most = min(stacked.shape[0], stacked.shape[2])
    if most == 1:
        return np.zeros(stacked.shape[1])
    inner = np.mean([_entropy(p) for p in stacked], axis=0)
    return _bounded((_entropy(stacked.mean(axis=0)) - inner) / np.log(most))


def _classes(p: Floats) -> int:
    finite(p)
    return int(p.shape[1])


def _alone(p: Floats) -> Unsure:
    return np.ones(len(p))


def _bounded(values: Floats) -> Unsure:
    return np.clip(np.asarray(values, dtype=np.float64), 0.0, 1.0)


def _entropy(p: Floats) -> Unsure:
    sure = np.where(p > 0, p, 1.0)
    return np.asarray(-(p * np.log(sure)).sum(axis=1), dtype=np.float64)

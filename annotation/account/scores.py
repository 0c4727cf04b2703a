"""How good predictions are, where each item may count several times or not at all."""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Floats = NDArray[np.float64]


def macro_f1(truth: Codes, predicted: Codes, counts: Floats, classes: int) -> float:
    """Mean F1 of the classes that occur in the truth; a class that is never found has F1 0."""
    right = np.bincount(truth, weights=counts * (truth == predicted), minlength=classes)
    true = np.bincount(truth, weights=counts, minlength=classes)
    said = np.bincount(predicted, weights=counts, minlength=classes)
    present = true > 0
    return float((2 * right[present] / (true[present] + said[present])).mean()) if present.any() else 0.0


def accuracy(truth: Codes, predicted: Codes, counts: Floats) -> float:
    """Share of items that are predicted right."""
    total = counts.sum()
    return float(counts @ (truth == predicted) / total) if total else 0.0


def rising(scores: Floats) -> Floats:
    """The non-decreasing curve nearest to the scores: more labels never truly hurt, what falls is noise.

    Pool adjacent violators, M. Ayer et al. (1955), all points weighing the same.
    """
    pools: list[list[float]] = []
    for score in scores:
        pools.append([float(score), 1.0])
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (one, size), (other, more) = pools[-2], pools[-1]
            pools[-2:] = [[(one * size + other * more) / (size + more), size + more]]
    return np.array([score for score, size in pools for _ in range(int(size))])


def reached_at(counts: Floats, scores: Floats, target: float) -> float:
    """The label count at which a rising curve reaches a target that it does reach; straight along the logarithm."""
    place = int(np.argmax(scores >= target))
    if place == 0:
        return float(counts[0])
    low, high = scores[place - 1], scores[place]
    part = (target - low) / (high - low)
    return float(np.exp(np.log(counts[place - 1]) * (1 - part) + np.log(counts[place]) * part))

"""From curves to figures: labels needed to reach what random reaches, as a share of random's, with intervals.

Curves are (seeds, rounds). Means are taken over seeds, then the first crossing of the mean curve; in between, labels
are interpolated. Infinity means not reached within the budget: such figures are censored, so medians are taken of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]

_RESAMPLES = 2000


@dataclass(frozen=True)
class Ratio:
    """A ratio with its bootstrap intervals over paired seeds, and the gap in F1 at the same number of labels."""

    value: float
    low90: float
    high90: float
    low95: float
    high95: float
    gap: float


def ratio(own: Curve, random: Curve, checkpoint: int, seed: int = 0) -> Ratio:
    """Labels of `own` to reach the mean of `random` after `checkpoint` rounds, by random's labels there."""
    spread = np.sort(resampled(own, random, checkpoint, seed))
    low95, low90, high90, high95 = np.quantile(spread, [0.025, 0.05, 0.95, 0.975], method="inverted_cdf")
    gap = float((own[:, checkpoint - 1] - random[:, checkpoint - 1]).mean())
    [value] = crossing(own.mean(axis=0)[None], random[:, checkpoint - 1].mean()[None]) / checkpoint
    return Ratio(float(value), float(low90), float(high90), float(low95), float(high95), gap)


def resampled(own: Curve, random: Curve, checkpoint: int, seed: int = 0) -> NDArray[np.float64]:
    """The ratio on each of many resamples of the seeds, both curves by the same seeds."""
    draws = np.random.default_rng(seed).integers(0, len(own), (_RESAMPLES, len(own)))
    means, targets = own[draws].mean(axis=1), random[draws, checkpoint - 1].mean(axis=1)
    return np.asarray(crossing(means, targets) / checkpoint)


def crossing(means: NDArray[np.float64], targets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rounds, with a fraction, until each mean curve first reaches its target; at least 1: before, nothing is known."""
    reached = means >= targets[:, None] - 1e-12
    at = reached.argmax(axis=1)
    rows = np.arange(len(means))
    before, after = means[rows, np.maximum(at - 1, 0)], means[rows, at]
    rounds = np.where(at == 0, 1.0, at + (targets - before) / np.maximum(after - before, 1e-12))
    return np.where(reached.any(axis=1), rounds, np.inf)


def median_interval(spreads: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """90% interval of the median over sets, each resampled by itself."""
    medians = np.median(np.stack(spreads), axis=0)
    low, high = np.quantile(medians, [0.05, 0.95], method="inverted_cdf")
    return float(low), float(high)


def against_best(chosen: Mapping[str, float], others: Sequence[Mapping[str, float]]) -> float:
    """Median over sets of the chosen one's ratio by that of the best other, picked for each set afterwards."""
    return float(np.median([value / min(other[name] for other in others) for name, value in chosen.items()]))

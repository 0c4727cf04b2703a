"""Value of a target policy from the log of another, with 95 % intervals.

Each logged action has a reward, the propensity with which the logging policy took it, and the probability with which
the target policy would. Their ratio is its weight.

- `ips`: inverse propensity scoring (Horvitz and Thompson 1952): the mean weighted reward. Unbiased, and noisy.
- `snips`: self-normalised (Swaminathan and Joachims 2015): divided by the sum of weights. Slightly biased, steadier,
  and blind to a propensity that is wrong by a constant factor.
- `doubly_robust` (Dudík, Langford and Li 2011): a model of rewards, corrected by the weighted error that it makes on
  the log. Right if either the propensities or the model are.

Weights above `clip` are cut (Ionides 2008), which trades variance for bias; the share that was cut is told. The
intervals are percentiles of a bootstrap (Efron and Tibshirani 1993) that draws whole groups, such as searches, since
what was shown together is not independent. Look at `effective_n` (Kish 1965) before believing one: rare rewards under
large weights make every interval too narrow. `mean_weight` is 1 up to noise if the propensities are right and the log
covers all that the target does; `trustworthy` says whether it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streams.errors import Misconfigured

Numbers = NDArray[np.float64]

LEVEL = 0.95
RESAMPLES = 1000
CHUNK = 50
"""Resamples that are held in memory at one time."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The value of a policy: mean reward of an action."""

    value: float
    low: float
    high: float
    """Of the 95 % interval."""
    actions: int
    effective_n: float
    """So many actions of the target policy itself would tell about as much."""
    mean_weight: float
    """1 if propensities are right and everything the target does was done; less is the share that is covered."""
    weight_error: float
    """Standard error of `mean_weight`."""
    clipped: float
    """Share of actions whose weight was cut."""

    @property
    def trustworthy(self) -> bool:
        """Whether the weights add up to what they must, within five standard errors."""
        return abs(self.mean_weight - 1) <= 5 * self.weight_error + 1e-9

    def covers(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Log:
    """Logged actions, one row each."""

    rewards: Numbers
    weights: Numbers
    """Before clipping."""
    groups: NDArray[np.int64]
    """Rows of one group were shown together."""

    @classmethod
    def of(
        cls, rewards: ArrayLike, propensities: ArrayLike, target: ArrayLike, groups: ArrayLike | None = None
    ) -> "Log":
        """Raises Misconfigured for what cannot be a log: other lengths, or propensities that are not in (0, 1]."""
        reward, propensity, wanted = (np.asarray(one, dtype=np.float64) for one in (rewards, propensities, target))
        if not reward.size or not reward.shape == propensity.shape == wanted.shape:
            raise Misconfigured("a log needs a reward, a propensity and a target probability for each of its actions")
        if not ((propensity > 0) & (propensity <= 1)).all() or not ((wanted >= 0) & (wanted <= 1)).all():
            raise Misconfigured("propensities are above 0 and at most 1, probabilities of the target within 0 and 1")
        rows = np.arange(reward.size) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
        return cls(reward, wanted / propensity, rows.astype(np.int64))


def ips(log: Log, clip: float | None = None, seed: int = 0) -> Estimate:
    """Mean of weighted rewards."""
    weights = _clipped(log, clip)
    return _estimate(log, weights, weights * log.rewards, np.ones_like(weights), seed)


def snips(log: Log, clip: float | None = None, seed: int = 0) -> Estimate:
    """Weighted mean of rewards."""
    weights = _clipped(log, clip)
    return _estimate(log, weights, weights * log.rewards, weights, seed)


def doubly_robust(
    log: Log, predicted: ArrayLike, expected: ArrayLike, clip: float | None = None, seed: int = 0
) -> Estimate:
    """The model's word, corrected.

    `predicted` is the reward that it foresees for the logged action, `expected` the one for what the target policy
    would do in the same place.
    """
    weights = _clipped(log, clip)
    model, foreseen = np.asarray(predicted, dtype=np.float64), np.asarray(expected, dtype=np.float64)
    return _estimate(log, weights, foreseen + weights * (log.rewards - model), np.ones_like(weights), seed)


def _clipped(log: Log, clip: float | None) -> Numbers:
    return log.weights if clip is None else np.minimum(log.weights, clip)


def _estimate(log: Log, weights: Numbers, above: Numbers, below: Numbers, seed: int) -> Estimate:
    """The ratio of two sums over the log, with its interval."""
    total = float(weights.sum())
    low, high = _interval(_sums(log, above), _sums(log, below), seed)
    return Estimate(
        value=float(above.sum() / below.sum()) if below.sum() else 0.0,
        low=low,
        high=high,
        actions=weights.size,
        effective_n=total**2 / float((weights**2).sum()) if total else 0.0,
        mean_weight=float(log.weights.mean()),
        weight_error=_grouped_error(log),
        clipped=float((weights < log.weights).mean()),
    )


def _grouped_error(log: Log) -> float:
    """Standard error of the mean weight, with groups that are not independent within."""
    sizes = np.bincount(log.groups)
    if sizes.size < 2:
        return float("inf")
    deviations = _sums(log, log.weights - log.weights.mean())
    return float(deviations.std(ddof=1) * np.sqrt(sizes.size) / log.weights.size)


def _sums(log: Log, values: Numbers) -> Numbers:
    """By group."""
    return np.bincount(log.groups, values).astype(np.float64)


def _interval(above: Numbers, below: Numbers, seed: int) -> tuple[float, float]:
    values = np.concatenate(list(_resampled(above, below, np.random.default_rng(seed))))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def _resampled(above: Numbers, below: Numbers, chance: np.random.Generator) -> Iterator[Numbers]:
    """The ratio in resamples of the groups."""
    groups = above.size
    for _ in range(RESAMPLES // CHUNK):
        drawn = chance.integers(0, groups, (CHUNK, groups))
        sums = below[drawn].sum(axis=1)
        yield np.divide(above[drawn].sum(axis=1), sums, out=np.zeros(CHUNK), where=sums > 0)

"""How far two samples lie apart. Pure measures whose expectation is 0 where both come from one source."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log
from statistics import NormalDist
from typing import Self

import numpy as np
from numpy.typing import NDArray

SMOOTHING = 0.5


def stability_index(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Population stability index of counts by kind (Siddiqi, Credit Risk Scorecards, 2006), less what chance adds.

    Where both samples come from one distribution of b kinds it comes to about (b - 1)(1/n + 1/m) by chance alone
    (Yurdakul and Naranjo, 2020); that is taken off, so that small samples do not seem to drift.
    """
    kinds = before.keys() | after.keys()
    n, m = sum(before.values()), sum(after.values())
    if n == 0 or m == 0 or len(kinds) < 2:
        return 0.0
    p = {kind: (before.get(kind, 0) + SMOOTHING) / (n + SMOOTHING * len(kinds)) for kind in kinds}
    q = {kind: (after.get(kind, 0) + SMOOTHING) / (m + SMOOTHING * len(kinds)) for kind in kinds}
    index = sum((q[kind] - p[kind]) * log(q[kind] / p[kind]) for kind in kinds)
    return max(0.0, index - (len(kinds) - 1) * (1 / n + 1 / m))


@dataclass(slots=True)
class Cloud:
    """Vectors by their number, sum and sum of squares: all that their mean and variance need."""

    count: int = 0
    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    squares: float = 0.0

    def add(self, vector: NDArray[np.float32]) -> None:
        self.total = self.total + vector if self.count else vector.astype(np.float64)
        self.squares += float(vector @ vector)
        self.count += 1

    def __add__(self, other: Self) -> Self:
        if not (self.count and other.count):
            return self if self.count else other
        return type(self)(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def variance(self) -> float:
        """Mean squared distance from the mean, summed over all dimensions; unbiased."""
        if self.count < 2:
            return 0.0
        return max(0.0, self.squares - float(self.total @ self.total) / self.count) / (self.count - 1)


def shift(before: Cloud, after: Cloud) -> float:
    """Squared distance of the means as a share of the variance; without bias, so about 0 where nothing moved."""
    if before.count < 2 or after.count < 2 or len(before.total) != len(after.total):
        return 0.0
    apart = before.total / before.count - after.total / after.count
    noise = before.variance / before.count + after.variance / after.count
    spread = (before.variance + after.variance) / 2
    return max(0.0, float(apart @ apart) - noise) / spread if spread > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Use:
    """Searches and how many of them were clicked."""

    searches: int = 0
    clicked: int = 0

    def __add__(self, other: "Use") -> "Use":
        return Use(self.searches + other.searches, self.clicked + other.clicked)

    @property
    def rate(self) -> float:
        return self.clicked / self.searches if self.searches else 0.0


def chance_of_loss(before: Use, after: Use) -> float:
    """Of seeing the rate fall so far by accident: the one-sided two-proportion z-test. 1 where it did not fall."""
    if not (before.searches and after.searches) or after.rate >= before.rate:
        return 1.0
    pooled = (before + after).rate
    spread = pooled * (1 - pooled) * (1 / before.searches + 1 / after.searches)
    return NormalDist().cdf((after.rate - before.rate) / spread**0.5) if spread > 0 else 1.0


Inputs = dict[str, Counter[str]]
"""Of each trait of items, how many there were of each kind."""

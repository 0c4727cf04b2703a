"""Strategies that put the candidates in one order and go down it: at random, or least sure first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from annotation.selection.strategies.port import Allowed, Pick, Pool, anything, shuffled
from models.heads.uncertainty import entropy, least_confidence, margin

Measure = Callable[[NDArray[np.floating]], NDArray[np.float64]]


class RandomDraw:
    """Every candidate is as likely as any other: the unbiased witness."""

    name = "random"

    def choose(self, pool: Pool, count: int, seed: int, allowed: Allowed = anything) -> list[Pick]:
        """Drawn without replacement."""
        order = shuffled(pool.candidates(), seed).tolist()
        return _first(count, (Pick(row, 0.0, "drawn at random") for row in order if allowed(row)))


@dataclass(frozen=True)
class LeastSure:
    """The candidates of which the head is least sure, one by one; before there is a head, at random.

    Where a pool has no probabilities its `uncertain` is taken: whoever made it has measured already.
    """

    name: str
    measure: Measure

    def choose(self, pool: Pool, count: int, seed: int, allowed: Allowed = anything) -> list[Pick]:
        """Looks at the probabilities only, and so may ask for near-copies in one batch."""
        order = shuffled(pool.candidates(), seed)
        if pool.probabilities is not None:
            unsure = self.measure(pool.probabilities[order])
        elif pool.uncertain is not None:
            unsure = np.asarray(pool.uncertain[order], dtype=np.float64)
        else:
            return _first(count, (Pick(row, 1.0, "no head yet: at random") for row in order.tolist() if allowed(row)))
        ranked = np.argsort(-unsure, kind="stable")
        pairs = zip(order[ranked].tolist(), unsure[ranked].tolist(), strict=True)
        return _first(count, (Pick(row, u, f"{self.name} {u:.3f}") for row, u in pairs if allowed(row)))


def least_margin() -> LeastSure:
    """The two likeliest classes are closest."""
    return LeastSure("margin", margin)


def highest_entropy() -> LeastSure:
    """The probabilities are flattest."""
    return LeastSure("entropy", entropy)


def lowest_confidence() -> LeastSure:
    """The likeliest class is least likely."""
    return LeastSure("least-confidence", least_confidence)


def _first(count: int, picks: Iterable[Pick]) -> list[Pick]:
    return list(islice(picks, max(count, 0)))

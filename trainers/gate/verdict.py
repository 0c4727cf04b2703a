"""What the gate says, and the words in which it says it."""

from dataclasses import dataclass
from enum import Enum

from schemas.training import Metric, Regression

WORDS = {
    "reciprocal_rank": "reciprocal rank of the right text",
    "class_score": "score of the class probabilities",
    "average_precision": "average precision of the pictures found for a text",
}
"""How measures that are judged are called."""


class Aim(Enum):
    """What a candidate is for."""

    BETTER = "better"
    """To be better than the live model."""
    AS_GOOD = "as good"
    """To replace a model that must go, such as one that learnt from withdrawn data."""


@dataclass(frozen=True)
class Check:
    """One thing that a candidate must show, and whether it did."""

    passed: bool
    words: str


@dataclass(frozen=True)
class Verdict:
    """Whether a candidate may take over, and everything it was judged by."""

    passed: bool
    reasons: tuple[str, ...]
    """What spoke against it first."""
    metrics: tuple[Metric, ...]
    regressions: tuple[Regression, ...]
    needs_approval: bool
    false_promotion_rate: float
    seed: int
    items: int


def in_words(name: str) -> str:
    return WORDS.get(name, name.replace("_", " "))


def moved(metric: Metric) -> str:
    """The two means, their difference and its interval."""
    live, low, high = metric.live or 0.0, metric.low or 0.0, metric.high or 0.0
    gain = metric.candidate - live
    return f"{live:.3f} -> {metric.candidate:.3f} ({gain:+.3f}, 95% interval {low:+.3f} to {high:+.3f})"

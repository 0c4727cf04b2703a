"""What a round may take: budget, open tasks, quotas. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from annotation.selection.config import Quota, SelectionConfig, Trait
from annotation.selection.rules.witness import random_due

Traits = Mapping[Trait, str | None]


@dataclass(frozen=True, slots=True)
class Spent:
    """Requests of one task: in the period, with what traits, and ever."""

    in_period: int = 0
    active_by_trait: Mapping[tuple[Trait, str], int] = field(default_factory=dict)
    """Of the active arm in the period."""
    ever: int = 0
    ever_at_random: int = 0
    open: int = 0
    """Without an answer yet."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Requests that a round may make, by arm."""

    active: int
    random: int

    @property
    def total(self) -> int:
        return self.active + self.random


NOTHING = Allowance(0, 0)


def period_of(now_s: float, period_s: float) -> int:
    """Number of the period that a moment lies in."""
    return int(now_s // period_s)


def allowance(config: SelectionConfig, spent: Spent) -> Allowance:
    """A whole round if it fits below the limit of open tasks, cut to what is left of the budget; else nothing."""
    if spent.open and spent.open + config.batch > config.open_limit:
        return NOTHING
    total = min(config.batch, config.open_limit - spent.open, config.budget - spent.in_period)
    if total <= 0:
        return NOTHING
    at_random = random_due(config.random_share, spent.ever, spent.ever_at_random, total)
    return Allowance(total - at_random, at_random)


class QuotaCount:
    """Counts picks against the quotas of a period."""

    def __init__(self, quotas: Iterable[Quota], budget: int, spent: Mapping[tuple[Trait, str], int]) -> None:
        self._quotas = [(quota, int(quota.share * budget)) for quota in quotas]
        self._counts = Counter(spent)

    def broken_by(self, traits: Traits) -> Quota | None:
        """The first quota that an item with these traits would break, if any."""
        for quota, limit in self._quotas:
            if traits.get(quota.trait) == quota.value and self._counts[quota.trait, quota.value] >= limit:
                return quota
        return None

    def take(self, traits: Traits) -> None:
        """Counts an item that was picked."""
        self._counts.update((trait, value) for trait, value in traits.items() if value is not None)

"""What the database holds about the items and people of a micro-batch."""

from dataclasses import dataclass, field

from annotation.quality.ledger.answered import Answered
from annotation.quality.rule.trust import Tally
from models.labels.store import Result, Standing

ItemKey = tuple[str, str, str]
"""Tenant, task, item id."""
PersonKey = tuple[str, str, str]
"""Tenant, task, annotator."""


@dataclass(frozen=True, slots=True)
class Person:
    """An annotator in one task: what is known of them, and how far their labels know of it."""

    tally: Tally
    trust: float
    moves: int = 0
    swept: int = 0
    sweeping: int | None = None
    swept_item: str = ""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Versions of an item that must not be used any more."""

    version: int = -1
    erased: int = -1
    """Of these not even the answers are kept."""


@dataclass
class Pages:
    """Everything that may bear on the facts of a batch."""

    answers: dict[tuple[str, str], Answered] = field(default_factory=dict)
    """By tenant and annotation key."""
    standings: dict[ItemKey, Standing] = field(default_factory=dict)
    people: dict[PersonKey, Person] = field(default_factory=dict)
    gold: dict[ItemKey, Result] = field(default_factory=dict)
    """The right answers that tallies go by."""
    withdrawals: dict[tuple[str, str], Withdrawal] = field(default_factory=dict)
    """By tenant and item id."""

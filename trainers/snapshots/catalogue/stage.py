"""items.curated -> the catalogue of what there is to train on"""

from collections.abc import Sequence
from typing import Protocol

from schemas.event import Event
from schemas.items import ItemCurated, ItemWithdrawn
from streams.errors import BadRecord
from streams.stage import BatchLimits, BatchStage, Incoming, Outcome
from streams.topics import CURATED

LIMITS = BatchLimits(max_records=2000, max_age_s=0.1)
"""One transaction a batch."""

Listed = ItemCurated | ItemWithdrawn


class Catalogue(Protocol):
    """Keeps the newest version of each item. What is written twice is there once."""

    def write(self, facts: Sequence[Listed]) -> None:
        """Durably, in any order. Raises Unavailable."""


def catalogue_stage(catalogue: Catalogue) -> BatchStage:
    """Writes down what was curated or withdrawn. What it cannot read is left to embedding. Answers with nothing."""

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        outcomes = [refusal(incoming.fact) for incoming in batch]
        catalogue.write([incoming.fact for incoming in batch if isinstance(incoming.fact, Listed)])
        return [() if outcome is None else outcome for outcome in outcomes]

    return BatchStage("catalogue", sources=(CURATED,), answers=(), handle=handle, limits=LIMITS, witness=True)


def refusal(fact: Event) -> BadRecord | None:
    """Why a fact has no place in the catalogue, or None."""
    if not isinstance(fact, Listed):
        return BadRecord("unexpected_type", f"{type(fact).__name__} is nothing to train on")
    return None

"""signals.measured -> the store of mined examples"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from models.mined.store import mined
from schemas.signals import HardNegativeMined, QueryFailed
from streams.stage import BatchLimits, BatchStage, Incoming, Outcome
from streams.topics import SIGNALS

LIMITS = BatchLimits(max_records=1000, max_age_s=0.1)
"""One transaction a batch."""


class Examples(Protocol):
    """Keeps examples. What is kept twice is there once."""

    def keep(self, queries: Iterable[QueryFailed], negatives: Iterable[HardNegativeMined]) -> None:
        """Durably. Raises Unavailable."""


def mining_stage(examples: Examples) -> BatchStage:
    """Stores failed queries and hard negatives; other measurements are not its business. Answers with nothing."""

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        examples.keep(*mined(incoming.fact for incoming in batch))
        return [()] * len(batch)

    return BatchStage("mining", sources=(SIGNALS,), answers=(), handle=handle, limits=LIMITS)

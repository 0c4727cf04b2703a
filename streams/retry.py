"""How long to wait before the next try."""

import random
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, PositiveFloat


class BackoffConfig(BaseModel):
    """Exponential back-off with jitter, without end: a dependency that is down is waited for, never given up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first_s: PositiveFloat = 0.1
    """Delay before the second try."""
    longest_s: PositiveFloat = 15.0
    """Delays double until they reach this."""


def delays(config: BackoffConfig, rng: random.Random) -> Iterator[float]:
    """Seconds between tries; each between half and the whole of the doubled delay, so that a fleet spreads out."""
    delay = config.first_s
    while True:
        yield delay * rng.uniform(0.5, 1.0)
        delay = min(delay * 2, config.longest_s)

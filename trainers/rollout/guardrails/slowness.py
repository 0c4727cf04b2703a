"""What slow means: fixed from the old model's own answers, before the new one is judged by it."""

from collections import deque

import numpy as np

from schemas.searches import SearchServed
from trainers.rollout.guardrails.config import GuardrailsConfig

KEPT = 1024
"""The latest answers that are remembered."""


class Latencies:
    """Of answers of the model that serves. Searches that failed do not count."""

    def __init__(self, config: GuardrailsConfig) -> None:
        self._config = config
        self._ms: deque[float] = deque(maxlen=KEPT)

    def add(self, search: SearchServed) -> None:
        if search.outcome != "failed":
            self._ms.append(search.latency_ms)

    def bound_ms(self) -> float | None:
        """Longer is slow; None as long as too little is known."""
        if len(self._ms) < self._config.min_latencies:
            return None
        usual_ms = float(np.quantile(self._ms, self._config.slow_quantile))
        return max(self._config.slow_at_least_ms, self._config.slow_factor * usual_ms)

    def forget(self) -> None:
        """Another model serves."""
        self._ms.clear()

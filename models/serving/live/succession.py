"""Which generation answers where parts of a new one are not loaded yet: the former one, for a bounded time."""

import threading
from collections.abc import Callable
from dataclasses import replace

from models.registry.standing import Standing
from streams.clock import Clock
from streams.errors import Unavailable

Missing = Callable[[Standing], str | None]
"""Says what a standing lacks to answer; None if nothing."""


class Succession:
    """May be shared by threads."""

    def __init__(self, lag_s: float, clock: Clock) -> None:
        """`lag_s` bounds how long the former one goes on."""
        self._lag_s = lag_s
        self._clock = clock
        self._lock = threading.Lock()
        self._behind_since: float | None = None
        self.served: Standing | None = None
        """What answered last."""

    def in_effect(self, standing: Standing, missing_for: Missing) -> Standing:
        """What answers now. Raises Unavailable where neither this one nor the former one can."""
        missing = missing_for(standing)
        with self._lock:
            former = self.served
            if missing is None:
                if former is None or standing.generation >= former.generation:  # another thread may have looked later
                    self.served, self._behind_since = standing, None
                return standing
            now_s = self._clock.monotonic()
            if self._behind_since is None:
                self._behind_since = now_s
            in_time = now_s - self._behind_since <= self._lag_s
        if former is None or not in_time or missing_for(former) is not None:
            raise Unavailable(missing)
        return replace(former, rollout=None)

    def behind(self, standing: Standing, missing_for: Missing) -> str | None:
        """Why the former one still answers; None if it does not."""
        if self.served is None or (missing := missing_for(standing)) is None:
            return None
        return f"generation {self.served.generation} still answers: {missing}"

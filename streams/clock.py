"""Time as an argument, so that back-off, batch age and latency are tested exactly and no test sleeps."""

import time
from typing import Protocol


class Clock(Protocol):
    def monotonic(self) -> float:
        """Seconds that only rise, for durations."""

    def time(self) -> float:
        """Seconds since the epoch, for ages of events."""

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    def monotonic(self) -> float:
        return time.monotonic()

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

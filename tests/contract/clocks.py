"""A clock that tests move by hand."""


class HandClock:
    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

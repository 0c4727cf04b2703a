"""The windows that a decision looks back on, and the requests among them. Plain data: no clock, no log, no thread."""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from trainers.triggers.policy import Situation
from trainers.triggers.tally import Tally

P = TypeVar("P", bound=Hashable)
"""A partition of the log."""


class Request(NamedTuple):
    """A request for training, whoever made it."""

    at_ms: int
    """When it was made. The window that it falls into counts as answered, as data are frozen a moment later."""
    id: str


@dataclass(slots=True)
class Window(Generic[P]):
    """A span of log time."""

    tally: Tally = field(default_factory=Tally)
    first: dict[P, int] = field(default_factory=dict)
    """Where it begins in each partition."""


class History(Generic[P]):
    """Windows of the last `horizon_ms`, by their start; requests divide them into before and since."""

    def __init__(self, width_ms: int, horizon_ms: int, closed_ms: int = 0) -> None:
        self.closed_ms = closed_ms
        self._width_ms, self._horizon_ms = width_ms, horizon_ms
        self._windows: dict[int, Window[P]] = {}
        self._began_ms: int | None = None
        self._last: Request | None = None
        self._before, self._since = Tally(), Tally()
        self._folded_ms = 0

    @property
    def last(self) -> Request | None:
        """The newest request."""
        return self._last

    def at(self, logged_ms: int, place: P, offset: int) -> Tally | None:
        """The tally that a record counts in; None for one of a time that is closed."""
        if logged_ms < self.closed_ms:
            return None
        start_ms = logged_ms - logged_ms % self._width_ms
        window = self._windows.setdefault(start_ms, Window())
        window.first.setdefault(place, offset)
        self._began_ms = start_ms if self._began_ms is None else min(self._began_ms, start_ms)
        return window.tally

    def requested(self, request: Request) -> None:
        """A request was made: what came before it is answered by it."""
        if self._last is None or request.at_ms > self._last.at_ms:
            self._last = request
            self._before, self._since, self._folded_ms = Tally(), Tally(), 0

    def known_at(self, upto_ms: int) -> tuple[int, Situation] | None:
        """The end of the newest window that has ended by then, and what is known of it; None before anything was."""
        end_ms = upto_ms - upto_ms % self._width_ms
        if self._began_ms is None or end_ms <= self._began_ms:
            return None
        for start_ms in sorted(start for start in self._windows if self._folded_ms <= start < end_ms):
            self._fold(start_ms)
        quiet_since_ms = self._last.at_ms if self._last else self._began_ms
        return end_ms, Situation(
            before=self._before,
            since=self._since,
            newest=lambda: self._newest(end_ms),
            quiet_s=max(0.0, (end_ms - quiet_since_ms) / 1000),
            asked_before=self._last is not None,
        )

    def close(self, upto_ms: int) -> None:
        """Lets go of what lies beyond the horizon."""
        limit_ms = upto_ms - self._horizon_ms
        beyond = [start for start in self._windows if start + self._width_ms <= limit_ms]
        for start_ms in beyond:
            del self._windows[start_ms]
        for tally in (self._before, self._since) if beyond else ():
            tally.forget_uses(limit_ms)
        self.closed_ms = max(self.closed_ms, limit_ms - limit_ms % self._width_ms)

    def first(self, place: P) -> int | None:
        """Where the oldest window that is kept begins in a partition; None where none does."""
        return min((window.first[place] for window in self._windows.values() if place in window.first), default=None)

    def _fold(self, start_ms: int) -> None:
        answered = self._last is not None and start_ms < self._last.at_ms
        (self._before if answered else self._since).include(self._windows[start_ms].tally)
        self._folded_ms = start_ms + 1

    def _newest(self, end_ms: int) -> Iterator[Tally]:
        """Windows from then back to the last request."""
        limit_ms = self._last.at_ms if self._last else -1
        for start in sorted((one for one in self._windows if limit_ms <= one < end_ms), reverse=True):
            yield self._windows[start].tally

"""Searches and their feedback, joined in tumbling windows of event time. Plain data: no clock, no log, no thread.

A window holds the searches of a span of event time. Feedback belongs to the window of the search it names, whichever of
the two is read first. Whether something counts depends on its own two times alone, never on what was read before it:

- a search counts if it reached the log before its window's end and grace, and not long before it happened;
- feedback counts if it reached the log before the end and grace of its search's window.

So every order of arrival gives the same facts, and so does reading the log once more. The revision of a measurement is
the number of events behind it.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from schemas.event import Event
from schemas.searches import FeedbackGiven, SearchServed

P = TypeVar("P")
"""Where something was read; handed back once it is no longer needed."""


class Fate(StrEnum):
    """What became of an event. The places of the first three come back when their window closes."""

    COUNTED = "counted"
    WAITING = "waiting"
    """Feedback whose search has not been read yet."""
    REPEATED = "repeated"
    LATE = "late"
    EARLY = "early"
    CROWDED = "crowded"
    PASSED = "passed"
    UNMATCHED = "unmatched"
    UNANSWERED = "unanswered"


class Span(NamedTuple):
    """A window of event time, in milliseconds since the epoch."""

    start_ms: int
    width_ms: int

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.width_ms


class Spans(NamedTuple):
    """How event time is cut, and what still counts."""

    width_ms: int
    grace_ms: int

    def of(self, search: SearchServed) -> Span:
        moment_ms = milliseconds(search)
        return Span(moment_ms - moment_ms % self.width_ms, self.width_ms)

    def closes_ms(self, span: Span) -> int:
        """Nothing that reaches the log after this changes the window."""
        return span.end_ms + self.grace_ms

    def fate(self, span: Span, logged_ms: int) -> Fate:
        if logged_ms > self.closes_ms(span):
            return Fate.LATE
        return Fate.EARLY if logged_ms < span.start_ms - self.width_ms else Fate.COUNTED


@dataclass(slots=True, eq=False)
class Impression:
    """An answer, and what people made of it."""

    search: SearchServed
    feedback: dict[UUID, FeedbackGiven] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return 1 + len(self.feedback)

    @property
    def fingerprint(self) -> int:
        """Of the set of its events, whatever their order."""
        mixed = self.search.event_id.int
        for event_id in self.feedback:
            mixed ^= event_id.int
        return mixed


class Measure(Protocol):
    """Something that is told of a window, once for each key."""

    def keys(self, search: SearchServed) -> Iterable[Hashable]:
        """What the search has a part in."""

    def fact(self, key: Hashable, shown: Sequence[Impression], span: Span) -> Event | None:
        """What the impressions of a key come to; None if there is nothing to tell. Depends on nothing else."""


class Verdict(Protocol):
    """Something that is told of one impression, once, when nothing can change it any more."""

    def __call__(self, impression: Impression) -> Iterable[Event]: ...


@dataclass(slots=True)
class _Window(Generic[P]):
    span: Span
    impressions: dict[UUID, Impression] = field(default_factory=dict)
    groups: dict[tuple[int, Hashable], list[Impression]] = field(default_factory=dict)
    changed: set[tuple[int, Hashable]] = field(default_factory=set)
    places: list[P] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[P]):
    fact: FeedbackGiven
    logged_ms: int
    place: P


@dataclass(frozen=True, slots=True)
class Closed(Generic[P]):
    """What the closing of windows comes to."""

    events: list[Event]
    places: list[P]
    """Read for good."""
    unmatched: int
    """Feedback whose search never came."""


class Windows(Generic[P]):
    """All windows that are open. `closed_ms` says up to where windows were closed before: theirs is passed over.

    Of searches, of feedback that has joined its search, and of feedback that waits for one, each at most `max_open`.
    """

    def __init__(
        self,
        spans: Spans,
        measures: Sequence[Measure],
        verdict: Verdict,
        max_open: int = 2**31,
        closed_ms: int = 0,
    ) -> None:
        self.closed_ms = closed_ms
        self._spans = spans
        self._measures = tuple(measures)
        self._verdict = verdict
        self._max_open = max_open
        self._windows: dict[Span, _Window[P]] = {}
        self._home: dict[UUID, Span] = {}
        self._waiting: dict[UUID, list[_Waiting[P]]] = {}
        self._waiting_count = 0
        self._joined_count = 0
        self._look_ms = 0
        """No feedback has waited long enough before then."""

    @property
    def open(self) -> int:
        """Events that are held."""
        return len(self._home) + self._joined_count + self._waiting_count

    def search(self, search: SearchServed, logged_ms: int, place: P) -> list[tuple[Fate, P]]:
        """What becomes of a search, and of the feedback that waited for it."""
        if (home := self._home.get(search.event_id)) is not None:
            self._windows[home].places.append(place)
            return [(Fate.REPEATED, place)]
        span = self._spans.of(search)
        if (fate := self._spans.fate(span, logged_ms)) is not Fate.COUNTED:
            return [(fate, place)]
        if self._spans.closes_ms(span) <= self.closed_ms:
            return [(Fate.PASSED, place)]
        if len(self._home) >= self._max_open:
            return [(Fate.CROWDED, place)]
        window = self._windows.setdefault(span, _Window(span))
        self._home[search.event_id] = span
        impression = window.impressions[search.event_id] = Impression(search)
        window.places.append(place)
        for key in self._keys(search):
            window.groups.setdefault(key, []).append(impression)
            window.changed.add(key)
        waiting = self._waiting.pop(search.event_id, [])
        self._waiting_count -= len(waiting)
        joined = [(self._joined(window, one.fact, one.logged_ms, one.place), one.place) for one in waiting]
        return [(Fate.COUNTED, place), *joined]

    def feedback(self, fact: FeedbackGiven, logged_ms: int, place: P) -> Fate:
        """What becomes of feedback; it waits for a search that has not been read yet."""
        if (span := self._home.get(fact.impression_id)) is not None:
            return self._joined(self._windows[span], fact, logged_ms, place)
        if self._forgotten_ms(logged_ms) <= self.closed_ms:
            return Fate.PASSED
        if self._waiting_count >= self._max_open:
            return Fate.CROWDED
        self._waiting.setdefault(fact.impression_id, []).append(_Waiting(fact, logged_ms, place))
        self._waiting_count += 1
        self._look_ms = min(self._look_ms, self._forgotten_ms(logged_ms))
        return Fate.WAITING

    def due(self, upto_ms: int) -> list[Event]:
        """What has changed in windows that ended by then. Whoever takes it tells it."""
        ended = sorted(span for span in self._windows if span.end_ms <= upto_ms)
        return [event for span in ended for event in self._told(self._windows[span])]

    def close(self, upto_ms: int) -> Closed[P]:
        """Closes the windows that nothing can change any more once the log is read up to a time."""
        events: list[Event] = []
        places: list[P] = []
        for span in sorted(span for span in self._windows if self._spans.closes_ms(span) <= upto_ms):
            window = self._windows.pop(span)
            events += self._told(window)
            for event_id in sorted(window.impressions):
                events += self._verdict(window.impressions[event_id])
                self._joined_count -= len(window.impressions[event_id].feedback)
                del self._home[event_id]
            places += window.places
        self.closed_ms = max(self.closed_ms, upto_ms)
        forgotten = [one.place for one in self._forgotten(upto_ms)]
        return Closed(events, places + forgotten, len(forgotten))

    def _joined(self, window: _Window[P], fact: FeedbackGiven, logged_ms: int, place: P) -> Fate:
        impression = window.impressions[fact.impression_id]
        if fact.event_id in impression.feedback:
            window.places.append(place)  # perhaps the same place, read again
            return Fate.REPEATED
        if fact.tenant != impression.search.tenant:
            return Fate.UNMATCHED  # nobody reacts to what another tenant was shown
        if (fate := self._spans.fate(window.span, logged_ms)) is not Fate.COUNTED:
            return fate
        if self._joined_count >= self._max_open:
            return Fate.CROWDED
        impression.feedback[fact.event_id] = fact
        self._joined_count += 1
        window.places.append(place)
        window.changed.update(self._keys(impression.search))
        return Fate.COUNTED

    def _keys(self, search: SearchServed) -> Iterator[tuple[int, Hashable]]:
        for number, measure in enumerate(self._measures):
            for key in measure.keys(search):
                yield number, key

    def _told(self, window: _Window[P]) -> Iterator[Event]:
        changed, window.changed = window.changed, set()
        for number, key in sorted(changed, key=repr):
            fact = self._measures[number].fact(key, window.groups[number, key], window.span)
            if fact is not None:
                yield fact

    def _forgotten_ms(self, logged_ms: int) -> int:
        """A search that could claim this feedback has reached the log by then, or never will."""
        return logged_ms + 2 * self._spans.width_ms + self._spans.grace_ms

    def _forgotten(self, upto_ms: int) -> list[_Waiting[P]]:
        """Feedback that waits no longer."""
        if upto_ms < self._look_ms:
            return []
        forgotten: list[_Waiting[P]] = []
        self._look_ms = upto_ms + self._spans.width_ms
        for impression_id in list(self._waiting):
            waiting = self._waiting.pop(impression_id)
            kept = [one for one in waiting if self._forgotten_ms(one.logged_ms) > upto_ms]
            forgotten += [one for one in waiting if self._forgotten_ms(one.logged_ms) <= upto_ms]
            if kept:
                self._waiting[impression_id] = kept
                self._look_ms = min(self._look_ms, *(self._forgotten_ms(one.logged_ms) for one in kept))
        self._waiting_count -= len(forgotten)
        return forgotten


def milliseconds(event: Event) -> int:
    return int(event.occurred_at.timestamp() * 1000)

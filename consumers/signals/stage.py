"""searches.served, feedback.given -> signals.measured

What Faust drives (streams/faust): records in, facts out, and how far the log is read for good. A record is done with
once the window that it counts in has closed and its facts are in the log; until then its offset is not committed, so
that a restart reads it again. All state is rebuilt that way, and the rest is passed over by `closed_ms`.

Consent: an item's signal, complaints and click rates are counts and use all feedback. What training reads, the words of
failed queries and hard negatives, comes from feedback with consent alone.
"""

from collections.abc import Iterable, Mapping

from consumers.signals import metrics
from consumers.signals.config import SignalsConfig
from consumers.signals.measures.click_rates import ClickRates
from consumers.signals.measures.items import ItemSignals
from consumers.signals.measures.negatives import hard_negatives
from consumers.signals.measures.queries import FailedQueries
from consumers.signals.windows import Fate, Spans, Windows
from schemas.event import Event
from schemas.searches import FeedbackGiven, SearchServed
from streams.codec import decode
from streams.errors import Refusal
from streams.low_water import LowWater
from streams.record import Record, TopicPartition
from streams.topics import FEEDBACK, SEARCHES, SIGNALS, Topic

KEPT = frozenset({Fate.COUNTED, Fate.WAITING, Fate.REPEATED})
Place = tuple[TopicPartition, int]


class Signals:
    """Searches and feedback to measurements. One thread; `reset` whenever partitions come or go."""

    name = "signals"
    sources: tuple[Topic, ...] = (SEARCHES, FEEDBACK)
    answers = SIGNALS

    def __init__(self, config: SignalsConfig, prefix: str) -> None:
        self._config = config
        self._events = {topic.full_name(prefix): topic.events for topic in self.sources}
        self.reset({}, 0)

    def reset(self, begins: Mapping[TopicPartition, int], closed_ms: int) -> None:
        """Forgets everything: partitions are read from `begins` on, and windows that closed before are passed over."""
        spans = Spans(self._config.window_s * 1000, self._config.grace_s * 1000)
        measures = (ItemSignals(), FailedQueries(), ClickRates())
        self._windows: Windows[Place] = Windows(spans, measures, hard_negatives, self._config.max_open, closed_ms)
        self._low_water = LowWater()
        self._marks = dict(begins)
        self._closed: list[Place] = []

    @property
    def memory_ms(self) -> tuple[int, int]:
        """Width of a window, and how long feedback may change it."""
        return self._config.window_s * 1000, self._config.grace_s * 1000

    @property
    def closed_ms(self) -> int:
        """Windows were closed up to there."""
        return self._windows.closed_ms

    def take(self, record: Record) -> None:
        """Counts a record in. What cannot be read is counted and left to whoever must act on it."""
        place = (record.topic_partition, record.offset)
        self._low_water.started(*place)
        try:
            fact = decode(record, self._events[record.topic])
        except Refusal:
            metrics.EVENTS.labels("unreadable").inc()
            self._low_water.finished(*place)
        else:
            self._settle(self._counted(fact, record.timestamp_ms, place))
        metrics.OPEN.set(self._windows.open)

    def due(self, ended_ms: int, closed_ms: int) -> list[Event]:
        """What there is to tell: of windows that ended by the one time, and finally of those that closed by the other.

        Tell it before this is called again, or before `marks`.
        """
        told = self._windows.due(ended_ms)
        closing = self._windows.close(closed_ms)
        self._closed += closing.places
        metrics.EVENTS.labels(Fate.UNMATCHED.value).inc(closing.unmatched)
        metrics.OPEN.set(self._windows.open)
        return told + closing.events

    def marks(self) -> dict[TopicPartition, int]:
        """Next offset to read of each partition if everything told so far is in the log."""
        self._finish(self._closed)
        self._closed = []
        self._marks |= self._low_water.to_commit()
        return dict(self._marks)

    def _counted(self, fact: Event, logged_ms: int, place: Place) -> list[tuple[Fate, Place]]:
        if isinstance(fact, SearchServed) and fact.outcome != "answered":
            return [(Fate.UNANSWERED, place)]  # nobody saw it: another model answered in its place
        if isinstance(fact, SearchServed):
            return self._windows.search(fact, logged_ms, place)
        assert isinstance(fact, FeedbackGiven)
        return [(self._windows.feedback(fact, logged_ms, place), place)]

    def _settle(self, fates: Iterable[tuple[Fate, Place]]) -> None:
        for fate, place in fates:
            if fate is not Fate.WAITING:
                metrics.EVENTS.labels(fate.value).inc()
            if fate not in KEPT:
                self._finish([place])

    def _finish(self, places: Iterable[Place]) -> None:
        for place, offset in places:
            self._low_water.finished(place, offset)

"""The API's way to the log: one thread owns the producer, and requests hand their records to it.

`publish` waits until the log has acknowledged the record: what is answered 202 is in the log. `offer` never waits:
facts about searches queue up while the log is down, are tried again until it takes them, and are dropped and counted
only when the queue is full, when the log refuses a record for good, or when they are still waiting at the end of a
stop's grace. A process that is killed loses the queue; these facts are observations, and no item depends on them.

Records of all requests share a flush, so that throughput does not depend on the log's round trip.
"""

import threading
from collections import deque
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field

import structlog

from models.serving.api import metrics
from streams.clock import Clock, SystemClock
from streams.codec import Encoded
from streams.errors import BadRecord, Unavailable
from streams.port import Producer

logger = structlog.get_logger()

FACTS_A_FLUSH = 500
RETRY_S = 1.0


@dataclass(slots=True, eq=False)
class _Letter:
    topic: str
    encoded: Encoded
    urgent: bool
    done: "Future[None]" = field(default_factory=Future)

    def acknowledged(self) -> None:
        """The log has it. Late word about a record that was given up changes nothing."""
        if not self.done.done():
            self.done.set_result(None)


class Outbox:
    """Shared by all threads of the API. `start` it before use; `close` flushes it."""

    def __init__(self, producer: Producer, publish_timeout_s: float, capacity: int, clock: Clock | None = None) -> None:
        self._producer = producer
        self._timeout_s = publish_timeout_s
        self._capacity = capacity
        self._clock = clock or SystemClock()
        self._changed = threading.Condition()
        self._urgent: deque[_Letter] = deque()
        self._facts: deque[_Letter] = deque()
        self._retry_at = 0.0
        self._closing_by: float | None = None
        self._failure: str | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to send; after a `close` it may begin again."""
        self._closing_by = None
        self._thread = threading.Thread(target=self._work, name="outbox", daemon=True)
        self._thread.start()

    def publish(self, topic: str, encoded: Encoded) -> None:
        """Returns once the log has the record. Raises Unavailable if it does not take it in time, or BadRecord."""
        letter = _Letter(topic, encoded, urgent=True)
        with self._changed:
            self._urgent.append(letter)
            self._changed.notify()
        try:
            letter.done.result(self._timeout_s)
        except FutureTimeoutError:
            letter.done.cancel()
            raise Unavailable(f"the log has not taken the record within {self._timeout_s:g} s") from None

    def offer(self, topic: str, encoded: Encoded) -> bool:
        """Queues the record and returns at once; False if the queue was full and it is dropped."""
        with self._changed:
            room = len(self._facts) < self._capacity and self._closing_by is None
            if room:
                self._facts.append(_Letter(topic, encoded, urgent=False))
                metrics.SEARCH_FACTS_WAITING.set(len(self._facts))
                self._changed.notify()
        if not room:
            metrics.SEARCH_FACTS.labels("dropped").inc()
        return room

    def ready(self) -> str | None:
        """Why the log did not take the last records; None if it did."""
        return self._failure

    def close(self, grace_s: float) -> None:
        """Sends what waits, for at most `grace_s`; what the log has not taken by then is dropped and counted."""
        with self._changed:
            self._closing_by = self._clock.monotonic() + grace_s
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(grace_s + self._timeout_s)
        if self._facts:
            metrics.SEARCH_FACTS.labels("dropped").inc(len(self._facts))
            logger.warning("dropped facts about searches at the end", count=len(self._facts))
            self._facts.clear()

    def _work(self) -> None:
        while batch := self._next():
            refused = self._send(batch)
            self._flush()
            self._settle([letter for letter in batch if letter not in refused])

    def _next(self) -> list[_Letter]:
        """What to send next; nothing once all is sent or the grace of a stop has ended."""
        with self._changed:
            while not (batch := self._due()):
                if self._finished():
                    return []
                self._changed.wait(self._patience_s())
            return batch

    def _due(self) -> list[_Letter]:
        batch = [letter for letter in self._urgent if letter.done.set_running_or_notify_cancel()]
        self._urgent.clear()  # whose request has given up is left out
        if self._clock.monotonic() >= self._retry_at:
            batch += [self._facts.popleft() for _ in range(min(FACTS_A_FLUSH, len(self._facts)))]
        return batch

    def _finished(self) -> bool:
        closing_by = self._closing_by
        return closing_by is not None and (not self._facts or self._clock.monotonic() >= closing_by)

    def _patience_s(self) -> float | None:
        """How long to wait for company: until the next try, or without end while there is nothing to try."""
        return max(0.01, self._retry_at - self._clock.monotonic()) if self._facts else None

    def _send(self, batch: list[_Letter]) -> set[_Letter]:
        """Hands the letters to the producer; those that the log refuses for good."""
        refused = set()
        for letter in batch:
            try:
                self._producer.send(letter.topic, letter.encoded, letter.acknowledged)
            except BadRecord as error:
                letter.done.set_exception(error)
                refused.add(letter)
            except Unavailable as error:
                self._fail(error)
                break
        metrics.SEARCH_FACTS.labels("dropped").inc(sum(not letter.urgent for letter in refused))
        return refused

    def _flush(self) -> None:
        left_s = self._timeout_s if self._closing_by is None else self._closing_by - self._clock.monotonic()
        try:
            self._producer.flush(max(0.1, min(self._timeout_s, left_s)))
        except Unavailable as error:
            self._fail(error)
        else:
            self._failure = None

    def _fail(self, error: Unavailable) -> None:
        if self._failure is None:
            logger.warning("the log takes no records", reason=str(error))
        self._failure = str(error)

    def _settle(self, sent: list[_Letter]) -> None:
        """What was not acknowledged: requests hear of it, facts go back to the head of the queue."""
        missed = [letter for letter in sent if not letter.done.done()]
        reason = self._failure or "its queue is full"
        for letter in missed:
            if letter.urgent:
                letter.done.set_exception(Unavailable(f"the log takes no records: {reason}"))
        again = [letter for letter in missed if not letter.urgent]
        published = sum(not letter.urgent and letter.done.done() for letter in sent)
        metrics.SEARCH_FACTS.labels("published").inc(published)
        with self._changed:
            self._facts.extendleft(reversed(again))
            self._retry_at = self._clock.monotonic() + RETRY_S if again else 0.0
            metrics.SEARCH_FACTS_WAITING.set(len(self._facts))

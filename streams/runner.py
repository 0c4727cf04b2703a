"""The shell around every stage: read a micro-batch, decide, publish, flush, commit.

The order is the guarantee. Sinks have acknowledged before a stage's function returns; its answers, dead letters and
parked records are flushed before an offset is committed. A crash in between repeats work, and computed ids and versions
make the repeat harmless. Three promises beyond that, each with tests of its own: when a dependency is down, the *same*
records are tried again while the partitions are paused and polling goes on; only contiguously finished offsets are
committed, also when partitions are taken away; memory is bounded by one micro-batch and the client's queue.
"""

import queue
import random
import threading
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from typing import TypeVar

import structlog
from pydantic import BaseModel, ConfigDict, PositiveFloat

from streams import metrics
from streams.answers import Addressed, Answers
from streams.batching import gather
from streams.clock import Clock, SystemClock
from streams.codec import decode
from streams.errors import BadRecord, NotYet, Refusal, Unavailable
from streams.health import Health, Report, State
from streams.letters import write_letter
from streams.low_water import LowWater
from streams.port import Consumer, Producer, Start
from streams.record import Record, TopicPartition
from streams.retry import BackoffConfig, delays
from streams.stage import AnyStage, BatchStage, Incoming, Outcome
from streams.topics import dead_letter_topic, parked_topic

logger = structlog.get_logger()
T = TypeVar("T")

CODE_VERSION = version("millrace")
LAG_INTERVAL_S = 1.0
"""Lag and health are refreshed this often; asking for them at every batch would cost more than small batches do."""
JOINING_POLL_S = 0.05
"""Longest wait for a record while no partition is assigned, so that readiness is told as soon as one is."""


class RunnerConfig(BaseModel):
    """How a stage is driven."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    idle_poll_s: PositiveFloat = 0.2
    """Longest wait for a record before looking around (stop, replay, health)."""
    flush_timeout_s: PositiveFloat = 15.0
    """After this long without acknowledgement the broker counts as unavailable."""
    tick_s: PositiveFloat = 1.0
    """How often a stage that speaks of its own accord is asked, at most; `idle_poll_s` more when nothing arrives."""
    backoff: BackoffConfig = BackoffConfig()


class Stopping(Exception):
    """The runner was asked to stop while it waited; what was in flight stays uncommitted."""


class Runner:
    """Drives one stage until it is told to stop. Not shared between threads, except where said."""

    def __init__(
        self,
        stage: AnyStage,
        consumer: Consumer,
        producer: Producer,
        prefix: str,
        config: RunnerConfig | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._stage = stage
        self._consumer = consumer
        self._producer = producer
        self._prefix = prefix
        self._config = config or RunnerConfig()
        self._clock = clock or SystemClock()
        self._low_water = LowWater()
        self._held: list[Record] = []
        self._lag_known_at = self._ticked_at = float("-inf")
        self._stop = threading.Event()
        self._replays: queue.SimpleQueue[Start] = queue.SimpleQueue()
        self._events = {topic.full_name(prefix): topic.events for topic in stage.sources}
        self._answers = Answers(stage, prefix, CODE_VERSION)
        self.health = Health()
        """Safe to read from any thread."""

    def stop(self) -> None:
        """Asks the loop to end after the micro-batch in hand. Safe from any thread."""
        self._stop.set()

    def replay(self, start: Start) -> None:
        """Asks the loop to read its partitions again from `start`. Safe from any thread."""
        self._replays.put(start)

    def run(self) -> None:
        """Until `stop`. Raises what is a bug; everything foreseen is dealt with."""
        try:
            while not self._stop.is_set():
                self.run_once()
        except Stopping:
            logger.info("stopped while waiting", stage=self._stage.name)
        finally:
            self._consumer.close()
            self._producer.close()
            self.health.set(Report(State.STOPPED))

    def run_once(self) -> int:
        """One micro-batch. Returns the number of records it settled."""
        self._rewind_if_asked()
        self._tick_if_due()
        records = self._persistently(self._gather)
        if not records:
            self._report_running()
            return 0
        started = self._clock.monotonic()
        outcomes = self._persistently(lambda: self._outcomes(records))
        self._persistently(lambda: self._deliver(records, outcomes))
        self._settle(records)
        self._persistently(self._commit)
        self._measure(records, outcomes, self._clock.monotonic() - started)
        return len(records)

    def revoked(self, places: Iterable[TopicPartition], lost: bool) -> None:
        """Partitions go away: commit what is contiguously finished, unless they are lost already, and forget them."""
        places = set(places)
        if not lost:
            last_words = {place: mark for place, mark in self._low_water.to_commit().items() if place in places}
            if last_words:
                try:
                    self._consumer.commit(last_words)
                except Unavailable as error:
                    logger.warning("commit on revoke failed", stage=self._stage.name, error=str(error))
        self._low_water.forget(places)
        self._held = [record for record in self._held if record.topic_partition not in places]

    def _gather(self) -> list[Record]:
        records = self._held or gather(self._consumer, self._stage.limits, self._idle_poll_s(), self._clock)
        self._held = []
        assigned = self._consumer.assignment()
        ours = []
        for record in records:
            if (place := record.topic_partition) in assigned:
                self._low_water.started(place, record.offset)
                ours.append(record)
        return ours

    def _idle_poll_s(self) -> float:
        idle_s = self._config.idle_poll_s
        return idle_s if self.health.report.assigned else min(idle_s, JOINING_POLL_S)

    def _require_all(self) -> None:
        if isinstance(self._stage, BatchStage) and self._stage.alone and not self._consumer.whole():
            raise Unavailable(f"not all partitions are ours: only one worker may run {self._stage.name}")

    def _outcomes(self, records: Sequence[Record]) -> list[Outcome]:
        self._require_all()
        decoded = [self._decoded(record) for record in records]
        readable = [one for one in decoded if isinstance(one, Incoming)]
        answers = self._stage.outcomes(readable) if readable else []
        if len(answers) != len(readable):
            raise AssertionError(f"{self._stage.name} gave {len(answers)} outcomes for {len(readable)} facts")
        in_order = iter(answers)
        return [next(in_order) if isinstance(one, Incoming) else one for one in decoded]

    def _decoded(self, record: Record) -> Incoming | Outcome:
        try:
            return Incoming(decode(record, self._events[record.topic]), record.first_place)
        except Refusal as refusal:
            return () if self._stage.witness else refusal

    def _deliver(self, records: Sequence[Record], outcomes: Sequence[Outcome]) -> None:
        for record, outcome in zip(records, outcomes, strict=True):
            if not self._low_water.tracks(record.topic_partition):
                continue  # taken away meanwhile: its new owner will do it
            try:
                answers = self._answers.encoded(outcome.also if isinstance(outcome, Refusal) else outcome)
                if isinstance(outcome, Refusal):
                    self._set_aside(record, outcome)
            except BadRecord as refusal:  # an answer cannot be written: none of them is
                self._set_aside(record, refusal)
            else:
                for topic, encoded in answers:
                    self._producer.send(topic, encoded)
        self._producer.flush(self._config.flush_timeout_s)

    def _set_aside(self, record: Record, refusal: Refusal) -> None:
        name = self._stage.name
        topic = (dead_letter_topic if isinstance(refusal, BadRecord) else parked_topic)(self._prefix, name)
        self._producer.send(topic, write_letter(record, refusal, name, CODE_VERSION))

    def _settle(self, records: Sequence[Record]) -> None:
        for record in records:
            self._low_water.finished(record.topic_partition, record.offset)

    def _commit(self) -> None:
        marks = self._low_water.to_commit()
        self._consumer.commit(marks)
        self._low_water.committed(marks)

    def _rewind_if_asked(self) -> None:
        """Once there are partitions to rewind, and nothing that was read is left to do."""
        if self._replays.empty() or self._held or not self._consumer.assignment():
            return
        start = self._replays.get()
        self._persistently(lambda: self._consumer.seek(start))
        self._low_water.forget(self._consumer.assignment())
        logger.info("replaying", stage=self._stage.name, since=str(start.since or "the beginning"))

    def _tick_if_due(self) -> None:
        """What the stage says of its own accord goes the way of its answers, the same events until they are written.

        One that can never be written ends nothing: its dead letter is written in its place (answers.py says why).
        """
        tick = self._stage.tick if isinstance(self._stage, BatchStage) else None
        if tick is None or self._clock.monotonic() - self._ticked_at < self._config.tick_s:
            return
        if not self._consumer.assignment():
            return
        self._persistently(self._require_all)
        if answers := self._answers.told(self._persistently(tick)):
            self._persistently(lambda: self._publish(answers))
        self._ticked_at = self._clock.monotonic()

    def _publish(self, answers: Sequence[Addressed]) -> None:
        for topic, encoded in answers:
            self._producer.send(topic, encoded)
        self._producer.flush(self._config.flush_timeout_s)

    def _persistently(self, call: Callable[[], T]) -> T:
        """Tries until it works, with the partitions paused in between. Raises Stopping when told to stop meanwhile."""
        waits = delays(self._config.backoff, random.Random())
        while True:
            try:
                result = call()
            except Unavailable as error:
                self._wait(next(waits), str(error))
            else:
                if self.health.report.state is State.WAITING:
                    self._consumer.resume()
                    metrics.WAITING.labels(self._stage.name).set(0)
                    self._lag_known_at = float("-inf")
                    self._report_running()
                    logger.info("going on", stage=self._stage.name)
                return result

    def _wait(self, delay_s: float, reason: str) -> None:
        if self.health.report.state is not State.WAITING:
            logger.warning("waiting", stage=self._stage.name, reason=reason)
        self._consumer.pause()
        metrics.RETRIES.labels(self._stage.name).inc()
        metrics.WAITING.labels(self._stage.name).set(1)
        self.health.set(Report(State.WAITING, reason, self.health.report.lag, len(self._consumer.assignment())))
        end = self._clock.monotonic() + delay_s
        while (left := end - self._clock.monotonic()) > 0:
            if self._stop.is_set():
                raise Stopping
            try:
                polled = self._consumer.poll(1, min(left, 0.1))  # keeps the membership, and may call `revoked`
                self._held += polled
            except Unavailable:
                self._clock.sleep(min(left, 0.1))

    def _report_running(self) -> None:
        joining, now = self.health.report.state is State.STARTING, self._clock.monotonic()
        if now - self._lag_known_at < LAG_INTERVAL_S and not joining:
            return
        self._lag_known_at = now
        assigned, lag = len(self._consumer.assignment()), self._consumer.lag()
        metrics.LAG_RECORDS.labels(self._stage.name).set(lag)
        state = State.RUNNING if assigned else State.STARTING
        self.health.set(Report(state, "" if assigned else "no partitions assigned yet", lag, assigned))

    def _measure(self, records: Sequence[Record], outcomes: Sequence[Outcome], seconds: float) -> None:
        name = self._stage.name
        dead = sum(isinstance(outcome, BadRecord) for outcome in outcomes)
        parked = sum(isinstance(outcome, NotYet) for outcome in outcomes)
        counts = {"done": len(outcomes) - dead - parked, "dead_lettered": dead, "parked": parked}
        for outcome, count in counts.items():
            metrics.RECORDS.labels(name, outcome).inc(count)
        metrics.BATCH_SECONDS.labels(name).observe(seconds)
        metrics.BATCH_RECORDS.labels(name).observe(len(records))
        oldest_ms = min(record.timestamp_ms for record in records)
        metrics.AGE_SECONDS.labels(name).observe(max(0.0, self._clock.time() - oldest_ms / 1000))
        self._report_running()
        if dead or parked:
            logger.warning("set aside", stage=name, dead_lettered=dead, parked=parked)

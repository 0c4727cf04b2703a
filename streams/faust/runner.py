"""Drives windows on Faust: the face of streams.runner.Runner, an event loop of its own inside.

The order is the guarantee, as everywhere: facts are flushed before the offsets behind them are committed. Facts are
computed in the loop and sent from another thread, so that reading goes on meanwhile.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from schemas.event import Event
from streams.codec import encode
from streams.errors import Unavailable
from streams.faust.log import FaustLog
from streams.faust.reading import Reach, Reading
from streams.faust.windowed import Pace, Windowed
from streams.health import Health, Report, State
from streams.kafka.config import KafkaConfig
from streams.kafka.topic_admin import TopicAdmin
from streams.metrics import FACTS, LAG_RECORDS, RECORDS
from streams.port import Producer, Start
from streams.record import Record
from streams.topics import group_of

logger = structlog.get_logger()

RETRY_S = 1.0
SILENT_S = 15.0
"""After so long without word from the broker it counts as down."""


class FaustRunner:
    """Drives windows until it is told to stop. `run` belongs to one thread; the rest may be called from any."""

    def __init__(
        self,
        windowed: Windowed,
        pace: Pace,
        kafka: KafkaConfig,
        producer: Producer,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._windowed = windowed
        self._pace = pace
        self._kafka = kafka
        self._producer = producer
        self._now = now
        self._reading = Reading({})
        self._topics = [topic.full_name(kafka.prefix) for topic in windowed.sources]
        self._answers = windowed.answers.full_name(kafka.prefix)
        self._unsent: list[Event] = []
        self._committed: object = None
        self._stop = threading.Event()
        self._replays: queue.SimpleQueue[Start] = queue.SimpleQueue()
        self.health = Health()
        """Safe to read from any thread."""

    def stop(self) -> None:
        """Asks the loop to end; it does within seconds."""
        self._stop.set()

    def replay(self, start: Start) -> None:
        """Asks the loop to read its topics again. The same facts come out of it, under the same ids."""
        self._replays.put(start)

    def run(self) -> None:
        """Until `stop`. Raises what is a bug, and what ended the reading; whoever supervises starts it again."""
        try:
            self._await_topics()
            if not self._stop.is_set():
                asyncio.run(self._main())
        finally:
            self._producer.close()
            self.health.set(Report(State.STOPPED))

    def _await_topics(self) -> None:
        """Faust would ignore a topic that is not there, and idle."""
        while not self._stop.is_set():
            try:
                missing = set(self._topics) - TopicAdmin(self._kafka).present(self._topics, ()).keys()
            except Unavailable as error:
                self._waiting(str(error))
            else:
                if not missing:
                    return
                self._waiting(f"topic {min(missing)} is missing: run `millrace topics apply`")
            self._stop.wait(RETRY_S)

    async def _main(self) -> None:
        group = group_of(self._kafka.prefix, self._windowed.name)
        self._log = FaustLog(self._kafka, group, self._topics, self._take, self._assigned)
        await self._log.start()
        try:
            while not self._stop.is_set():
                self._log.check()
                await self._tick()
                await asyncio.sleep(self._pace.tick_s)
        finally:
            if not await self._log.stop(self._pace.stop_s):
                logger.warning("the reading library did not stop in time", stage=self._windowed.name)

    def _take(self, record: Record) -> None:
        self._windowed.take(record)
        self._reading.read(record)
        RECORDS.labels(self._windowed.name, "done").inc()

    async def _assigned(self) -> None:
        """Partitions came or went: all state is read again from where the group stands."""
        begins, closed_ms = await self._log.begins()
        self._reading = Reading(begins)
        self._windowed.reset(begins, closed_ms)
        logger.info("assigned", stage=self._windowed.name, partitions=len(begins))

    async def _tick(self) -> None:
        try:
            await self._rewind_if_asked()
            await self._tell_what_is_due()
        except Unavailable as error:
            self._waiting(str(error))
            await asyncio.sleep(RETRY_S)

    async def _tell_what_is_due(self) -> None:
        now_ms = int(self._now() * 1000)
        reach = self._reading.reach(self._log.ends(), now_ms, int(self._pace.settle_s * 1000))
        if not self._log.complete():
            self._report(reach, State.STARTING, "not all partitions are ours: only one worker may run them")
            return
        if not self._unsent:
            self._unsent = self._windowed.due(reach.ended_ms, reach.closed_ms)
        if self._unsent:
            await asyncio.to_thread(self._publish, self._unsent)
            self._unsent = []
        marks = self._windowed.marks()
        if marks != self._committed:
            await self._log.commit(marks, self._windowed.closed_ms)
            self._committed = marks
        self._report_reading(reach, now_ms)

    def _publish(self, events: Sequence[Event]) -> None:
        for event in events:
            self._producer.send(self._answers, encode(event, f"millrace/{self._windowed.name}"))
        self._producer.flush(self._pace.flush_timeout_s)
        for event in events:
            FACTS.labels(self._windowed.name, type(event).__name__).inc()

    async def _rewind_if_asked(self) -> None:
        if self._replays.empty() or not self._reading.places:
            return
        since = self._replays.get().since
        width_ms, grace_ms = self._windowed.memory_ms
        earlier = since - timedelta(milliseconds=width_ms) if since else None  # events may be logged before their time
        begins = await self._log.rewind(earlier, self._reading.next_offsets)
        closed_ms = int(since.timestamp() * 1000) + width_ms + grace_ms if since else 0
        self._reading = Reading(begins)
        self._windowed.reset(begins, closed_ms)
        await self._log.commit(begins, closed_ms)
        self._committed = None
        logger.info("replaying", stage=self._windowed.name, since=str(since or "the beginning"))

    def _report_reading(self, reach: Reach, now_ms: int) -> None:
        heard_ms = min((end.heard_ms for end in self._log.ends().values()), default=now_ms)
        if now_ms - heard_ms > SILENT_S * 1000:
            self._report(reach, State.WAITING, "Kafka does not answer")
        elif not reach.ended_ms:
            self._report(reach, State.STARTING, "the broker has not told yet how much there is to read")
        else:
            self._report(reach, State.RUNNING, "")

    def _report(self, reach: Reach, state: State, reason: str) -> None:
        LAG_RECORDS.labels(self._windowed.name).set(reach.lag)
        self.health.set(Report(state, reason, reach.lag, len(self._reading.places)))

    def _waiting(self, reason: str) -> None:
        if self.health.report.state is not State.WAITING:
            logger.warning("waiting", stage=self._windowed.name, reason=reason)
        self.health.set(Report(State.WAITING, reason, self.health.report.lag, self.health.report.assigned))

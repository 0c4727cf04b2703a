"""labels.settled, items.curated, items.embedded, signals.measured, models.released, training.requested -> training.requested

Driven by Faust (streams/faust): counts what happens in windows of log time and, at the end of each, asks for training
if the policy says so. Requests are read back, those of people too: each answers what came before it and begins the
cool-down. All state is rebuilt from the log, as far back as the horizon; ids follow from what was counted, so that a
request that is made again after a crash is the same request.
"""  # noqa: E501 - an arrow is one line

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid5

import structlog

from schemas.event import Event
from schemas.items import ItemEmbedded
from schemas.training import TrainingRequested
from streams.codec import decode
from streams.errors import Refusal
from streams.record import Record, TopicPartition
from streams.topics import CURATED, EMBEDDED, LABELS, MODELS_RELEASED, SIGNALS, TRAINING_REQUESTED, Topic
from trainers.triggers.config import TriggersConfig
from trainers.triggers.history import History, Request
from trainers.triggers.policy import Pull, Situation, pulled

logger = structlog.get_logger()

PROJECT = "default"
_NAMESPACE = uuid5(UUID(int=0), "millrace/trigger")


class Triggers:
    """Events to requests for training. One thread; `reset` whenever partitions come or go."""

    name = "triggers"
    sources: tuple[Topic, ...] = (LABELS, CURATED, EMBEDDED, SIGNALS, MODELS_RELEASED, TRAINING_REQUESTED)
    answers = TRAINING_REQUESTED

    def __init__(self, config: TriggersConfig, prefix: str) -> None:
        self._config = config
        self._events: dict[str, tuple[type[Event], ...]] = {
            topic.full_name(prefix): topic.events for topic in self.sources
        }
        self._events[EMBEDDED.full_name(prefix)] = (ItemEmbedded,)  # withdrawals are told again for every new space
        self.reset({}, 0)

    @property
    def memory_ms(self) -> tuple[int, int]:
        """Width of a window, and how far back windows are kept."""
        return self._config.window_s * 1000, self._config.horizon_s * 1000

    @property
    def closed_ms(self) -> int:
        """Windows were let go of up to there."""
        return self._history.closed_ms

    def reset(self, begins: Mapping[TopicPartition, int], closed_ms: int) -> None:
        """Forgets everything: partitions are read from `begins` on, without what was let go of before."""
        self._history: History[TopicPartition] = History(*self.memory_ms, closed_ms)
        self._next = dict(begins)
        self._decided_ms = 0
        """Windows that ended by then were decided about."""

    def take(self, record: Record) -> None:
        """Counts a record in. What cannot be read is left to whoever must act on it."""
        place = record.topic_partition
        self._next[place] = record.offset + 1
        try:
            fact = decode(record, self._events[record.topic])
        except Refusal:
            return
        if isinstance(fact, TrainingRequested):
            said_ms = int(fact.occurred_at.timestamp() * 1000)
            at_ms = min(said_ms, record.timestamp_ms)  # a clock that is ahead would answer what is yet to come
            self._history.requested(Request(at_ms, str(fact.event_id)))
        if (tally := self._history.at(record.timestamp_ms, place, record.offset)) is not None:
            tally.add(fact)

    def due(self, ended_ms: int, closed_ms: int) -> list[Event]:
        """The request that what has ended by then asks for: at most one, as it answers all causes."""
        known = self._history.known_at(ended_ms)
        self._history.close(closed_ms)
        if known is None or known[0] <= self._decided_ms:
            return []
        self._decided_ms, situation = known
        return self._asked(self._decided_ms, situation)

    def marks(self) -> dict[TopicPartition, int]:
        """Where a restart must read on from to know what is known now."""
        firsts = {place: self._history.first(place) for place in self._next}
        return {place: self._next[place] if first is None else first for place, first in firsts.items()}

    def _asked(self, end_ms: int, situation: Situation) -> list[Event]:
        pull = pulled(situation, self._config)
        if pull is None:
            return []
        fact = _fact(pull, end_ms, self._history.last, self._config)
        self._history.requested(Request(end_ms, str(fact.event_id)))
        logger.info("asked for training", job=fact.job_id, cause=pull.cause.value, detail=pull.detail)
        return [fact]


def _fact(pull: Pull, end_ms: int, last: Request | None, config: TriggersConfig) -> TrainingRequested:
    event_id = uuid5(_NAMESPACE, f"{PROJECT}/{pull.cause}/{last.id if last else ''}/{end_ms}")
    return TrainingRequested(
        event_id=event_id,
        occurred_at=datetime.fromtimestamp(end_ms / 1000, UTC),
        traceparent=f"00-{event_id.hex}-{event_id.hex[:16]}-01",
        job_id=f"{pull.cause}-{event_id.hex[:12]}",
        project_id=PROJECT,
        cause=pull.cause.value,
        detail=pull.detail,
        recipe=config.recipe,
        overrides=config.overrides,
    )

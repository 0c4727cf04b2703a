"""Named places between side effect and commit at which a worker kills itself, and how they are put into real parts."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from streams.codec import Encoded
from streams.kafka.consumer import KafkaConsumer
from streams.kafka.producer import KafkaProducer
from streams.record import TopicPartition
from streams.stage import BatchStage, Incoming, Outcome


class Point(StrEnum):
    """In the order in which a micro-batch passes them."""

    BEFORE_SINK = "before_sink"
    MID_SINK = "mid_sink"
    """Within the sink's own work: before a transaction's commit, between two writes to the index."""
    AFTER_SINK = "after_sink"
    """The sink has acknowledged; no answer is sent."""
    MID_PUBLISH = "mid_publish"
    """Some answers are sent, perhaps."""
    AFTER_PUBLISH = "after_publish"
    """All are handed to the client, none is known to be in the log."""
    AFTER_FLUSH = "after_flush"
    """All are in the log; the offset is not committed."""
    AFTER_COMMIT = "after_commit"


@dataclass(frozen=True, slots=True)
class Fuse:
    """Where a worker dies: when a stage passes a point for the so-many-th time. Written `stage/point:count`."""

    stage: str
    point: Point
    count: int

    @classmethod
    def parse(cls, words: str) -> "Fuse":
        place, _, count = words.partition(":")
        stage, _, point = place.partition("/")
        return cls(stage, Point(point), int(count))

    def __str__(self) -> str:
        return f"{self.stage}/{self.point}:{self.count}"


@dataclass
class Failpoints:
    """Counts how often points are passed and kills the process at the fuse."""

    fuse: Fuse | None = None
    passed: Counter[tuple[str, Point]] = field(default_factory=Counter)

    def at(self, stage: str, point: Point) -> Callable[[], None]:
        def pass_by() -> None:
            self.passed[stage, point] += 1
            if self.fuse == Fuse(stage, point, self.passed[stage, point]):
                os.kill(os.getpid(), signal.SIGKILL)

        return pass_by


def mined_stage(stage: BatchStage, failpoints: Failpoints) -> BatchStage:
    """The stage with points before and after its function, which ends when the sink has acknowledged."""
    before = failpoints.at(stage.name, Point.BEFORE_SINK)
    after = failpoints.at(stage.name, Point.AFTER_SINK)

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        before()
        outcomes = stage.handle(batch)
        after()
        return outcomes

    return replace(stage, handle=handle)


def mine_index(index: Any, failpoints: Failpoints) -> None:
    """A point before every write to the engine of the index."""
    index._write = _after(failpoints.at("indexing", Point.MID_SINK), index._write)


def mine_claims(engine: Any, failpoints: Failpoints) -> None:
    """A point in curation's transaction, when all is written and nothing committed."""
    from sqlalchemy import event

    point = failpoints.at("curation", Point.MID_SINK)
    event.listen(engine, "commit", lambda connection: point())


def mine_tables(tables: Any, failpoints: Failpoints) -> None:
    """A point before every block that is inserted into ClickHouse."""
    tables.insert = _after(failpoints.at("recording", Point.MID_SINK), tables.insert)


def _after(point: Callable[[], None], call: Callable[..., Any]) -> Callable[..., Any]:
    def mined(*arguments: Any, **named: Any) -> Any:
        point()
        return call(*arguments, **named)

    return mined


class MinedProducer(KafkaProducer):
    """The real producer with points around sending and flushing."""

    def mine(self, stage: str, failpoints: Failpoints) -> None:
        self._mid_publish = failpoints.at(stage, Point.MID_PUBLISH)
        self._after_publish = failpoints.at(stage, Point.AFTER_PUBLISH)
        self._after_flush = failpoints.at(stage, Point.AFTER_FLUSH)

    def send(self, topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        super().send(topic, encoded, on_acknowledged)
        self._mid_publish()

    def flush(self, timeout_s: float) -> None:
        self._after_publish()
        super().flush(timeout_s)
        self._after_flush()


class MinedConsumer(KafkaConsumer):
    """The real consumer with a point behind the commit."""

    def mine(self, stage: str, failpoints: Failpoints) -> None:
        self._after_commit = failpoints.at(stage, Point.AFTER_COMMIT)

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None:
        super().commit(next_offsets)
        self._after_commit()

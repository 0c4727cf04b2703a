"""Builders of annotation facts, and a consensus stage over a database in memory."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

from sqlalchemy import Engine

from annotation.quality.config import QualityConfig
from annotation.quality.memory.memory import Memory
from annotation.quality.stage import consensus_stage
from annotation.tasks import LabellingConfig, TaskConfig
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from schemas.annotations import AnnotationChanged, AnnotationCompleted, AnnotationWithdrawn, Arm, Purpose
from schemas.event import Event
from schemas.items import ItemWithdrawn, WithdrawalMode
from streams.record import Origin
from streams.stage import BatchStage, Incoming, Outcome

NAMESPACE = UUID("1d3b3a52-3b7e-4a52-9d52-0f6f6a6c1c11")
AT = datetime(2026, 5, 1, tzinfo=UTC)
LABELS = ("arts", "news", "sport")


def task(annotators: int = 1, name: str = "topic") -> TaskConfig:
    return TaskConfig(name=name, labels=LABELS, tenant="acme", annotators=annotators)


def choice(label: str) -> tuple[dict[str, object], ...]:
    return ({"id": "r", "from_name": "label", "to_name": "item", "type": "choices", "value": {"choices": [label]}},)


def identity(*words: object) -> UUID:
    return uuid5(NAMESPACE, "/".join(map(str, words)))


def completed(item: str, who: str, label: str | None, **more: object) -> AnnotationCompleted:
    """Somebody answered, or skipped where `label` is None."""
    facts: dict[str, object] = {
        "event_id": identity("completed", item, who, label, *more.values()),
        "occurred_at": AT,
        "tenant": "acme",
        "item_id": item,
        "version": 3,
        "task": "topic",
        "request_id": identity("request", item),
        "annotation_key": f"1/{item}/{who}",
        "revision": 1,
        "arm": Arm.ACTIVE,
        "annotator": who,
        "result": choice(label) if label else (),
        "skipped": label is None,
        "purpose": Purpose.LABEL.value,
    }
    return AnnotationCompleted.model_validate(facts | more)


def changed(item: str, who: str, label: str | None, revision: int = 2, **more: object) -> AnnotationChanged:
    first = completed(item, who, label, **more)
    facts = first.model_dump(exclude={"arm", "purpose", "lead_time_s", "prelabel"})
    identified = {"event_id": identity("changed", item, who, label, revision), "revision": revision}
    return AnnotationChanged.model_validate(facts | identified)


def withdrawn(item: str, who: str, revision: int = 3, **more: object) -> AnnotationWithdrawn:
    facts = completed(item, who, "arts", **more).model_dump()
    identified = {"event_id": identity("withdrawn", item, who, revision), "revision": revision}
    return AnnotationWithdrawn.model_validate(facts | identified)


def item_withdrawn(item: str, version: int = 3, mode: WithdrawalMode = WithdrawalMode.DELETE) -> ItemWithdrawn:
    event_id = identity("item", item, version, mode)
    return ItemWithdrawn(
        event_id=event_id, occurred_at=AT, tenant="acme", item_id=item, version=version, mode=mode.value
    )


def database() -> Engine:
    engine = open_engine(MetadataConfig(url="sqlite:///:memory:"))
    Memory(engine, (), QualityConfig()).create_tables()
    return engine


class Mill:
    """A consensus stage with a log in front of it."""

    def __init__(self, engine: Engine, *tasks: TaskConfig, config: QualityConfig | None = None, start: int = 0) -> None:
        self.engine = engine
        labelling = LabellingConfig(tasks=tasks or (task(),))
        self.stage: BatchStage = consensus_stage(engine, labelling, config or QualityConfig())
        self._offset = start

    def incoming(self, facts: Iterable[Event]) -> list[Incoming]:
        """The facts as they lie in the log, each at the next offset."""
        batch = []
        for fact in facts:
            topic = "t.items.embedded.v1" if isinstance(fact, ItemWithdrawn) else "t.annotations.completed.v1"
            batch.append(Incoming(fact, Origin(topic, 0, self._offset)))
            self._offset += 1
        return batch

    def outcomes(self, *facts: Event) -> list[Outcome]:
        return self.stage.outcomes(self.incoming(facts))

    def told(self, *facts: Event) -> list[Event]:
        """All events that follow; refusals are raised."""
        events: list[Event] = []
        for outcome in self.outcomes(*facts):
            if not isinstance(outcome, Sequence):
                raise outcome
            events += outcome
        return events

    def tick(self) -> list[Event]:
        assert self.stage.tick is not None
        return list(self.stage.tick())

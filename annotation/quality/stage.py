"""annotations.completed, items.embedded -> labels.settled | annotations.requested

Answers become labels: enough of them that agree settle an item, disagreement asks one more person, a withdrawal takes
the label away. The stage is the only writer of settled labels, and writes them before it tells of them. Of
items.embedded it reads withdrawals only.
"""

from collections.abc import Sequence

from sqlalchemy import Engine

from annotation.label_studio.templates.reading import read_answer
from annotation.quality.config import QualityConfig
from annotation.quality.memory.kept import AnswerKey
from annotation.quality.memory.memory import Memory
from annotation.tasks import LabellingConfig, TaskConfig
from schemas.annotations import AnnotationChanged, AnnotationCompleted, AnnotationFact
from schemas.event import Event
from schemas.items import ItemFact, ItemWithdrawn
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord, NotYet, Refusal
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import ANNOTATIONS_COMPLETED, ANNOTATIONS_REQUESTED, EMBEDDED, LABELS


def consensus_stage(
    engine: Engine, labelling: LabellingConfig, config: QualityConfig, clock: Clock | None = None
) -> BatchStage:
    """The stage, on a metadata database whose tables are there."""
    memory = Memory(engine, labelling.tasks, config)
    tasks = {(task.tenant, task.name): task for task in labelling.tasks}
    tenants = {task.tenant for task in labelling.tasks}
    announcer = Announcer(memory, clock or SystemClock())

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        outcomes: list[Outcome | None] = [_at_once(incoming.fact, tasks, tenants) for incoming in batch]
        keys = [_key(incoming) for incoming in batch]
        waiting = {
            key: incoming.fact
            for key, incoming, outcome in zip(keys, batch, outcomes, strict=True)
            if outcome is None and isinstance(incoming.fact, ItemFact)
        }
        found = memory.settle(waiting) if waiting else {}
        return [found[key] if outcome is None else outcome for key, outcome in zip(keys, outcomes, strict=True)]

    return BatchStage(
        "consensus",
        sources=(ANNOTATIONS_COMPLETED, EMBEDDED),
        answers=(LABELS, ANNOTATIONS_REQUESTED),
        handle=handle,
        tick=announcer.tick,
    )


class Announcer:
    """Tells what follows from no single record: labels that change because the trust in somebody has moved."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock
        self._given: set[int] = set()
        self._retrusted = False

    def tick(self) -> list[Event]:
        """What is to be written now. Called again only once that is written, so what it gave last time may go."""
        if not self._retrusted:
            self._memory.retrust()
            self._retrusted = True
        self._memory.forget(self._given)
        self._given = set()
        self._memory.sweep(int(self._clock.time() * 1000))
        announced = self._memory.announced()
        self._given = {number for number, _ in announced}
        return [event for _, events in announced for event in events]


def _at_once(
    fact: Event, tasks: dict[tuple[str, str], TaskConfig], tenants: set[str]
) -> Sequence[Event] | Refusal | None:
    """The outcome of what needs no memory; None for the rest."""
    if isinstance(fact, AnnotationFact):
        return _objection(fact, tasks)
    return None if isinstance(fact, ItemWithdrawn) and fact.tenant in tenants else ()


def _objection(fact: AnnotationFact, tasks: dict[tuple[str, str], TaskConfig]) -> Refusal | None:
    if (task := tasks.get((fact.tenant, fact.task))) is None:
        return NotYet("unknown_task", f"tenant {fact.tenant} has no task {fact.task}; see labelling.tasks")
    if "\0" in fact.item_id + fact.annotation_key:
        return BadRecord("invalid_item_id", f"task {task.name}: an id must not contain U+0000")
    if not isinstance(fact, AnnotationCompleted | AnnotationChanged):
        return None
    if "\0" in fact.annotator:
        return BadRecord("invalid_annotator", f"task {task.name}: a name must not contain U+0000")
    try:
        if not fact.skipped:
            read_answer(task, fact.result, f"task {task.name}, annotation {fact.annotation_key}")
    except Refusal as refusal:
        return refusal
    return None


def _key(incoming: Incoming) -> AnswerKey:
    origin = incoming.origin
    return AnswerKey(f"{origin.topic}/{origin.partition}"[:300], origin.offset, incoming.fact.event_id)

"""Items whose right answer is known. People are measured by them; they never become training labels.

Changes are written down here and carried through by the consensus stage, the only one to touch tallies and labels.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID, uuid5

from pydantic_core import from_json, to_json
from sqlalchemy import Engine, and_, select, update

from annotation.label_studio.templates.reading import read_answer
from annotation.label_studio.templates.writing import write_answer
from annotation.quality.rule.answers import chosen_answer
from annotation.quality.tables import gold_answers as gold
from annotation.tasks import TaskConfig
from models.labels.store import Result
from models.metadata.dialect import replacing
from schemas.annotations import AnnotationRequested, Arm, Purpose, Shown
from streams.clock import Clock, SystemClock
from streams.errors import Misconfigured

_NAMESPACE = uuid5(UUID(int=0), "millrace/gold")


class GoldAnswer(NamedTuple):
    """The right answer to one item."""

    item_id: str
    result: Result
    pending: bool
    """The tallies do not know it yet."""


class GoldAnswers:
    """The gold answers of one task. Raises Unavailable while the database does not answer."""

    def __init__(self, engine: Engine, task: TaskConfig, clock: Clock | None = None) -> None:
        self._engine = engine
        self._task = task
        self._ours = and_(gold.c.tenant == task.tenant, gold.c.task == task.name)
        self._clock = clock or SystemClock()

    def known(self) -> list[GoldAnswer]:
        """All of them, by item id."""
        query = select(gold).where(and_(self._ours, gold.c.result.is_not(None))).order_by(gold.c.item_id)
        with self._engine.execution_options(reading=True).connect() as connection:
            rows = connection.execute(query).all()
        return [GoldAnswer(row.item_id, tuple(from_json(row.result)), row.pending) for row in rows]

    def add(self, answers: Iterable[tuple[str, Result]]) -> None:
        """Adds right answers by item id, or replaces them. Raises BadRecord for one that the task does not allow."""
        answers = list(answers)
        for _, result in answers:
            read_answer(self._task, result)
        rows = [self._row(item_id, result) for item_id, result in answers]
        if not rows:
            return
        with self._engine.begin() as connection:
            connection.execute(replacing(connection, gold, ("result", "pending", "changed_at_ms")), rows)

    def remove(self, item_ids: Iterable[str]) -> int:
        """Forgets right answers; how many there were."""
        these = and_(self._ours, gold.c.item_id.in_(sorted(item_ids)), gold.c.result.is_not(None))
        gone = {"result": None, "pending": True, "changed_at_ms": self._now_ms()}
        with self._engine.begin() as connection:
            return connection.execute(update(gold).where(these).values(**gone)).rowcount

    def _row(self, item_id: str, result: Result) -> dict[str, object]:
        return {
            "tenant": self._task.tenant,
            "task": self._task.name,
            "item_id": item_id,
            "result": to_json(result).decode(),
            "measured": None,
            "pending": True,
            "changed_at_ms": self._now_ms(),
        }

    def _now_ms(self) -> int:
        return int(self._clock.time() * 1000)


def gold_request(
    task: TaskConfig, item_id: str, version: int, model_version: str, shown: Shown, annotators: int
) -> AnnotationRequested:
    """Asks people about an item whose right answer is known. Asked again in the same words, it is the same request."""
    said = "/".join((task.tenant, task.name, item_id, str(version), str(annotators)))
    return AnnotationRequested(
        **dict(shown),
        event_id=uuid5(_NAMESPACE, said),
        tenant=task.tenant,
        item_id=item_id,
        version=version,
        task=task.name,
        arm=Arm.ACTIVE,
        strategy=Purpose.GOLD.value,
        model_version=model_version,
        purpose=Purpose.GOLD.value,
        annotators=annotators,
        reason="its right answer is known: it measures the annotator",
    )


def chosen(task: TaskConfig, labels: Iterable[str]) -> Result:
    """The result of somebody who chose these labels. Raises Misconfigured where that is no answer to the task."""
    try:
        return tuple(write_answer(task, chosen_answer(task, tuple(labels))))
    except ValueError as error:
        raise Misconfigured(f"{error}; a task without choices takes a result, with --result") from error

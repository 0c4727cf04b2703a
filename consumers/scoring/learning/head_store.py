"""Heads in the metadata database, so that a restart goes on with the same one and others can read what is in force."""

import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Engine, and_, delete, select

from consumers.scoring.learning.questions import Question, Questions
from consumers.scoring.tables import heads, metadata
from models.heads.linear import Head
from models.heads.saving import heads_from_bytes, heads_to_bytes
from models.metadata.dialect import replacing


@dataclass(frozen=True, slots=True)
class StoredHead:
    """What a task's labels had taught at one revision."""

    tenant: str
    task: str
    model_version: str
    revision: int
    """Rises with every fit: the labels it saw, or one above the revision before."""
    questions: Questions
    labels: int
    """Labels it was fitted to."""
    change: int
    """The last change of the task's labels that it knows."""
    gate: float
    """Above or at 0 propagation takes part in predictions."""
    created_at_ms: int


class HeadStore:
    """Revisions of heads. May be shared by threads. Raises Unavailable with the database."""

    def __init__(self, engine: Engine, kept: int = 5) -> None:
        self._engine = engine
        self._kept = kept

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self._engine)

    def latest(self, tenant: str, task: str, model_version: str) -> StoredHead | None:
        """The head in force, or None before the first. Raises BadRecord if its bytes are damaged."""
        newest = select(heads).where(_of(tenant, task, model_version)).order_by(heads.c.revision.desc()).limit(1)
        with self._engine.execution_options(reading=True).connect() as connection:
            row = connection.execute(newest).first()
        if row is None:
            return None
        facts = json.loads(row.facts)
        questions = _questions(row.content, facts)
        return StoredHead(
            tenant, task, model_version, row.revision, questions,
            facts["labels"], facts["change"], facts["gate"], row.created_at_ms,
        )  # fmt: skip

    def put(self, head: StoredHead) -> None:
        """Keeps a revision; of older ones the newest few stay."""
        row = {
            "tenant": head.tenant,
            "task": head.task,
            "model_version": head.model_version,
            "revision": head.revision,
            "content": heads_to_bytes([one for question in head.questions for one in _all(question)]),
            "facts": json.dumps(_facts(head)),
            "created_at_ms": head.created_at_ms,
        }
        ours = _of(head.tenant, head.task, head.model_version)
        with self._engine.begin() as connection:
            connection.execute(replacing(connection, heads), row)
            newest = select(heads.c.revision).where(ours).order_by(heads.c.revision.desc()).limit(self._kept)
            oldest = min(connection.execute(newest).scalars().all())
            connection.execute(delete(heads).where(ours, heads.c.revision < oldest))


def _facts(head: StoredHead) -> dict[str, object]:
    return {
        "questions": [[question.label, len(question.ensemble)] for question in head.questions],
        "labels": head.labels,
        "change": head.change,
        "gate": head.gate,
    }


def _all(question: Question) -> list[Head]:
    return [question.head, *question.ensemble]


def _questions(content: bytes, facts: dict[str, list[tuple[str | None, int]]]) -> Questions:
    numbers = iter(heads_from_bytes(content))
    return tuple(
        Question(label, next(numbers), tuple(next(numbers) for _ in range(size))) for label, size in facts["questions"]
    )


def _of(tenant: str, task: str, model_version: str) -> ColumnElement[bool]:
    return and_(heads.c.tenant == tenant, heads.c.task == task, heads.c.model_version == model_version)

"""What the log was told about annotations, and what it is to be told next, changed in one transaction."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, select, update

from annotation.label_studio.answers.changes import Change, Known, Reading, changes
from annotation.label_studio.client.rows import TaskRow
from annotation.label_studio.running import metrics
from annotation.label_studio.sending.drafts import item_version
from annotation.label_studio.tables import Standing, State, annotations, requests
from annotation.label_studio.telling.letters import letter_about
from annotation.label_studio.telling.messages import post
from annotation.tasks import TaskConfig
from models.metadata.dialect import replacing
from schemas.annotations import AnnotationRequested
from streams.clock import Clock, SystemClock
from streams.codec import Encoded
from streams.errors import BadRecord
from streams.topics import ANNOTATIONS_COMPLETED

Span = tuple[int, int | None]
"""Ids above the first, up to the second; None is no end."""
TaskKey = tuple[str | None, int | None]
"""Item and version that a task is about."""
LIVE = (State.SENT, State.CLOSED)
PRECEDENCE = (*LIVE, State.RETIRING, State.REMOVING, State.PENDING, State.REMOVED)
"""Whose request an answer counts for, where an item has several; superseded ones come last."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The request that speaks for a task."""

    fact: AnnotationRequested
    id: int
    state: State
    task_id: int | None


class Ledger:
    """Raises Unavailable while the database does not answer; nothing has changed then."""

    def __init__(self, engine: Engine, prefix: str, skips: int, clock: Clock | None = None) -> None:
        self._engine = engine
        self._prefix = prefix
        self._skips = skips
        self._clock = clock or SystemClock()

    def apply(self, task: TaskConfig, reading: Reading, rows: Sequence[TaskRow]) -> int:
        """Writes down what the server's truth about tasks changes, with the messages that say so. How many."""
        with self._engine.begin() as connection:
            known = _known(connection, reading.project_id, [row.id for row in rows])
            asking = _asking(connection, task, rows)
            facts = _facts(connection, known)
            found: list[Change] = []
            for row in rows:
                request = asking.get(_key(row))
                if request is None and row.id not in known:
                    metrics.FOREIGN.inc()
                    continue
                current = request.fact if request else None
                found += changes(row, known.get(row.id, {}), facts, current, reading, self._now())
                if request is not None:
                    _follow(connection, row, request, self._skips, self._now())
            self._write(connection, task, reading.project_id, found)
        return len(found)

    def missing(
        self, task: TaskConfig, project_id: int, span: Span, rows: Sequence[TaskRow], asked_at: datetime
    ) -> list[int]:
        """Tasks that we know of above the first id of the span, up to the second, that are not among the rows."""
        known = and_(annotations.c.project_id == project_id, annotations.c.standing != Standing.WITHDRAWN)
        answered = select(annotations.c.task_id).where(known, _within(annotations.c.task_id, span)).distinct()
        query = select(requests.c.task_id, requests.c.state, requests.c.changed_at)
        query = query.where(requests.c.task == task.name, _within(requests.c.task_id, span))
        with self._engine.execution_options(reading=True).begin() as connection:
            ids = set(connection.execute(answered).scalars())
            asked = connection.execute(query).all()
        before = int(asked_at.timestamp() * 1000)
        ids |= {row.task_id for row in asked if row.state in LIVE and row.changed_at < before}
        return sorted(ids - {row.id for row in rows})

    def gone(self, task: TaskConfig, reading: Reading, task_id: int) -> int:
        """A task was deleted: so were its annotations. How many facts that makes."""
        with self._engine.begin() as connection:
            known = _known(connection, reading.project_id, [task_id])
            row = TaskRow(id=task_id, updated_at=self._now())
            found = list(changes(row, known.get(task_id, {}), _facts(connection, known), None, reading, self._now()))
            self._write(connection, task, reading.project_id, found)
            theirs = and_(requests.c.task == task.name, requests.c.task_id == task_id)
            asked = connection.execute(select(requests.c.id, requests.c.state).where(theirs)).all()
            live = requests.c.id.in_([one.id for one in asked if one.state in LIVE])
            values = {"state": State.REMOVED, "changed_at": int(self._clock.time() * 1000)}
            connection.execute(update(requests).where(live).values(values))
        return len(found)

    def knows(self, task: TaskConfig, task_id: int) -> bool:
        """Whether the bridge made this task."""
        query = select(requests.c.id).where(requests.c.task == task.name, requests.c.task_id == task_id).limit(1)
        with self._engine.execution_options(reading=True).begin() as connection:
            return connection.execute(query).first() is not None

    def _write(self, connection: Connection, task: TaskConfig, project_id: int, found: Sequence[Change]) -> None:
        places = _places(connection, found)
        outgoing: list[tuple[str, Encoded]] = []
        for change in found:
            outgoing += _spoken(change, self._prefix, project_id, places[str(change.request.event_id)])
            metrics.ANSWERS.labels(change.outcome).inc()
        if rows := [_row(task, project_id, change.known) for change in found]:
            connection.execute(replacing(connection, annotations), rows)
        post(connection, outgoing)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.time(), UTC)


def _spoken(change: Change, prefix: str, project_id: int, place: str) -> Iterator[tuple[str, Encoded]]:
    """The messages that tell of a change: a fact, a dead letter, or both."""
    if change.record is not None:
        yield ANNOTATIONS_COMPLETED.full_name(prefix), change.record
    if change.refusal is not None:
        known = change.known
        where = f"project {project_id}, task {known.task_id}, annotation {known.annotation_id}"
        named = BadRecord(change.refusal.reason, f"{where}: {change.refusal.detail}")
        about = f"{project_id}/{known.task_id}/{known.annotation_id}"
        yield letter_about(prefix, change.request, place, named, about, change.answer)


def _follow(connection: Connection, row: TaskRow, asking: Asking, skips: int, now: datetime) -> None:
    """Keeps the state of a task's request: closed once it is answered. A twin has its request looked at again, and a
    task that came to be after all, although its request was given up, is removed."""
    if asking.state not in (*LIVE, State.REMOVED):
        return
    answers = sum(not annotation.was_cancelled for annotation in row.annotations)
    skipped = len(row.annotations) - answers
    state = State.CLOSED if answers >= asking.fact.annotators or skipped >= skips else State.SENT
    if asking.state is State.REMOVED:
        state = State.REMOVING
    elif row.id != asking.task_id:
        state = asking.state if row.annotations else State.PENDING
    if state is not asking.state:
        mine = and_(requests.c.id == asking.id, requests.c.state == asking.state)
        values = {"state": state, "changed_at": int(now.timestamp() * 1000)}
        connection.execute(update(requests).where(mine).values(values))


def _key(row: TaskRow) -> TaskKey:
    return row.item_id, item_version(row)


def _known(connection: Connection, project_id: int, task_ids: Sequence[int]) -> dict[int, dict[int, Known]]:
    query = select(annotations).where(annotations.c.project_id == project_id, annotations.c.task_id.in_(task_ids))
    found: dict[int, dict[int, Known]] = defaultdict(dict)
    for row in connection.execute(query):
        standing = Standing(row.standing)
        found[row.task_id][row.annotation_id] = Known(
            row.annotation_id, row.task_id, row.request_id, row.digest, row.revision, standing
        )
    return found


def _asking(connection: Connection, task: TaskConfig, rows: Iterable[TaskRow]) -> dict[TaskKey, Asking]:
    """The requests that speak for the items of tasks, by item and version."""
    items = {row.item_id for row in rows if row.item_id is not None}
    ours = and_(requests.c.tenant == task.tenant, requests.c.item_id.in_(items), requests.c.task == task.name)
    query = select(requests).where(ours).order_by(requests.c.id)
    best: dict[TaskKey, Row[Any]] = {}
    for row in connection.execute(query):
        key = row.item_id, row.version
        if key not in best or _rank(row.state) <= _rank(best[key].state):
            best[key] = row
    return {
        key: Asking(AnnotationRequested.model_validate_json(row.fact), row.id, State(row.state), row.task_id)
        for key, row in best.items()
    }


def _rank(state: str) -> int:
    return PRECEDENCE.index(State(state)) if state in PRECEDENCE else len(PRECEDENCE)


def _facts(connection: Connection, known: dict[int, dict[int, Known]]) -> dict[str, AnnotationRequested]:
    ids = {one.request_id for theirs in known.values() for one in theirs.values()}
    query = select(requests.c.request_id, requests.c.fact).where(requests.c.request_id.in_(sorted(ids)))
    return {row.request_id: AnnotationRequested.model_validate_json(row.fact) for row in connection.execute(query)}


def _places(connection: Connection, found: Iterable[Change]) -> dict[str, str]:
    ids = {str(change.request.event_id) for change in found}
    query = select(requests.c.request_id, requests.c.place).where(requests.c.request_id.in_(sorted(ids)))
    return {row.request_id: row.place for row in connection.execute(query)}


def _within(column: ColumnElement[int], span: Span) -> ColumnElement[bool]:
    low, high = span
    return column > low if high is None else and_(column > low, column <= high)


def _row(task: TaskConfig, project_id: int, known: Known) -> dict[str, object]:
    return {
        "project_id": project_id,
        "annotation_id": known.annotation_id,
        "task": task.name,
        "task_id": known.task_id,
        "request_id": known.request_id,
        "digest": known.digest,
        "revision": known.revision,
        "standing": known.standing,
    }

"""The outbox: requests that people are to see in Label Studio, and what is known of their tasks there.

A request is written here before its record is committed, and leaves only by a state that says what became of it.
Several requests for the same version of an item share one task: the last of them speaks for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, bindparam, func, insert, or_, select, update

from annotation.label_studio.tables import Standing, State, annotations, requests, withdrawals
from annotation.label_studio.telling.letters import letter_about
from annotation.label_studio.telling.messages import post
from models.metadata.dialect import insert_into
from schemas.annotations import AnnotationRequested
from schemas.items import ItemWithdrawn
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord

WINDOW = 1_000
"""Of the waiting requests, so many of the oldest are looked at in one round."""
ItemKey = tuple[str, str, str]
"""Task, tenant and item."""


class Asked(NamedTuple):
    """A request and where it first lay in the log, as `topic/partition/offset`."""

    fact: AnnotationRequested
    place: str


@dataclass(frozen=True, slots=True, eq=False)
class Due:
    """What is to be shown of one version of an item: its last request, and the earlier ones that it speaks for."""

    fact: AnnotationRequested
    id: int
    earlier: tuple[int, ...]
    task_id: int | None
    """Of the task that earlier requests made."""
    attempted_at: int
    """When an import of it was last begun, in ms; 0 for never."""


class Unwanted(NamedTuple):
    """A request whose task is to go."""

    id: int
    item_id: str
    version: int
    answered_too: bool
    """Also if people have answered it."""


class Outbox:
    """May be shared by threads. Raises Unavailable while the database does not answer; nothing has changed then."""

    def __init__(self, engine: Engine, clock: Clock | None = None) -> None:
        self.engine = engine
        self._clock = clock or SystemClock()

    def take(self, asked: Sequence[Asked], withdrawn: Sequence[ItemWithdrawn]) -> None:
        """Writes what has arrived, in one transaction. What was taken before changes nothing."""
        with self.engine.begin() as connection:
            if withdrawn:
                _withdraw(connection, withdrawn, self._now())
            if fresh := _unknown(connection, asked):
                _admit(connection, fresh, self._now())

    def due(self, task: str, limit: int, open_limit: int) -> list[Due]:
        """What is to be sent next, the oldest first: new tasks only while fewer than `open_limit` are open."""
        waiting = select(requests).where(_of(task, State.PENDING)).order_by(requests.c.id).limit(WINDOW)
        with self.engine.execution_options(reading=True).begin() as connection:
            rows = connection.execute(waiting).all()
            if not rows:
                return []
            task_ids = _task_ids(connection, task, rows)
            room = open_limit - _count(connection, task, State.SENT)
        found: dict[tuple[str, int], Due] = {}
        for row in rows:
            key = row.item_id, row.version
            before = found.get(key)
            if before is None and (len(found) >= limit or (key not in task_ids and room <= 0)):
                continue
            room -= before is None and key not in task_ids
            earlier = (*before.earlier, before.id) if before else ()
            tried = max(before.attempted_at or 0 if before else 0, row.attempted_at or 0)
            fact = AnnotationRequested.model_validate_json(row.fact)
            found[key] = Due(fact, row.id, earlier, task_ids.get(key), tried)
        return list(found.values())

    def attempting(self, ids: Iterable[int]) -> set[int]:
        """Notes that tasks are about to be created. Answers the requests that still want it."""
        with self.engine.begin() as connection:
            mine = and_(requests.c.id.in_(list(ids)), requests.c.state == State.PENDING)
            connection.execute(update(requests).where(mine).values(attempted_at=self._now()))
            return set(connection.execute(select(requests.c.id).where(mine)).scalars())

    def sent(self, sent: Mapping[Due, int]) -> None:
        """Notes the tasks of requests. One that was withdrawn meanwhile stays unwanted, and its task will go."""
        if not sent:
            return
        now = self._now()
        values = [
            {"of_id": due.id, "of_task": task_id, "of_link": now if due.fact.media is not None else None}
            for due, task_id in sent.items()
        ]
        with self.engine.begin() as connection:
            for due in sent:
                if due.earlier or due.task_id is not None:
                    _supersede(connection, due, now)
            mine = and_(requests.c.id == bindparam("of_id"), requests.c.state == State.PENDING)
            there = {"state": State.SENT, "task_id": bindparam("of_task"), "linked_at": bindparam("of_link")}
            connection.execute(update(requests).where(mine).values(**there, changed_at=now), values)

    def unwanted(self, task: str, limit: int, attempted_before: int) -> list[Unwanted]:
        """Requests whose tasks are to go, unless an import of them may still be at work."""
        states = [State.RETIRING, State.REMOVING]
        query = select(requests.c.id, requests.c.item_id, requests.c.version, requests.c.state)
        settled = func.coalesce(requests.c.attempted_at, 0) <= attempted_before
        query = query.where(requests.c.task == task, requests.c.state.in_(states), settled)
        query = query.order_by(requests.c.id).limit(limit)
        with self.engine.execution_options(reading=True).begin() as connection:
            rows = connection.execute(query).all()
        return [Unwanted(row.id, row.item_id, row.version, row.state == State.REMOVING) for row in rows]

    def settle(self, ids: Iterable[int], state: State) -> None:
        """Notes what became of requests."""
        with self.engine.begin() as connection:
            mine = requests.c.id.in_(list(ids))
            connection.execute(update(requests).where(mine).values(state=state, changed_at=self._now()))

    def open_tasks(self, task: str, linked_before: int | None = None) -> list[tuple[int, int, AnnotationRequested]]:
        """Request, task and fact of all tasks that wait for answers, perhaps only those with an older link."""
        query = select(requests.c.id, requests.c.task_id, requests.c.fact).where(_of(task, State.SENT))
        if linked_before is not None:
            query = query.where(requests.c.linked_at < linked_before)
        with self.engine.execution_options(reading=True).begin() as connection:
            rows = connection.execute(query.order_by(requests.c.id)).all()
        return [(row.id, row.task_id, AnnotationRequested.model_validate_json(row.fact)) for row in rows]

    def linked(self, ids: Iterable[int]) -> None:
        """Notes that the links to media were renewed."""
        with self.engine.begin() as connection:
            connection.execute(update(requests).where(requests.c.id.in_(list(ids))).values(linked_at=self._now()))

    def counts(self) -> dict[str, int]:
        """Requests that wait and tasks that are open, over all tasks."""
        states = [State.PENDING, State.SENT]
        query = select(requests.c.state, func.count()).where(requests.c.state.in_(states)).group_by(requests.c.state)
        with self.engine.execution_options(reading=True).begin() as connection:
            found = {str(state): int(count) for state, count in connection.execute(query).all()}
        return {state.value: found.get(state, 0) for state in states}

    def refuse(self, due: Due, prefix: str, refusal: BadRecord) -> None:
        """Label Studio does not take a request: it becomes a dead letter."""
        with self.engine.begin() as connection:
            place = connection.execute(select(requests.c.place).where(requests.c.id == due.id)).scalar_one()
            mine = requests.c.id.in_([due.id, *due.earlier])
            connection.execute(update(requests).where(mine).values(state=State.REFUSED, changed_at=self._now()))
            post(connection, [letter_about(prefix, due.fact, place, refusal, "request")])

    def _now(self) -> int:
        return int(self._clock.time() * 1000)


def _of(task: str, state: State) -> ColumnElement[bool]:
    return and_(requests.c.task == task, requests.c.state == state)


def _supersede(connection: Connection, due: Due, now: int) -> None:
    """From now on `due` speaks for its task."""
    fact = due.fact
    theirs = and_(requests.c.tenant == fact.tenant, requests.c.item_id == fact.item_id, requests.c.task == fact.task)
    passed = _one_of(State.PENDING, State.SENT, State.CLOSED)
    theirs = and_(theirs, requests.c.version == fact.version, requests.c.id < due.id, passed)
    connection.execute(update(requests).where(theirs).values(state=State.SUPERSEDED, changed_at=now))


def _count(connection: Connection, task: str, state: State) -> int:
    return connection.execute(select(func.count()).select_from(requests).where(_of(task, state))).scalar_one()


def _task_ids(connection: Connection, task: str, rows: Sequence[Row[Any]]) -> dict[tuple[str, int], int]:
    """The tasks that the items of requests have, by item and version."""
    items, tenants = {row.item_id for row in rows}, {row.tenant for row in rows}
    theirs = and_(requests.c.item_id.in_(items), requests.c.tenant.in_(tenants), requests.c.task == task)
    query = select(requests.c.item_id, requests.c.version, requests.c.task_id, requests.c.state).where(theirs)
    there = (State.SENT, State.CLOSED)  # judged here: SQLite would rather walk all that are in these states
    return {(row.item_id, row.version): row.task_id for row in connection.execute(query) if row.state in there}


def _withdraw(connection: Connection, withdrawn: Sequence[ItemWithdrawn], now: int) -> None:
    newest: dict[tuple[str, str], int] = {}
    for fact in withdrawn:
        key, version = (fact.tenant, fact.item_id), fact.version or 0
        newest[key] = max(version, newest.get(key, version))
    upsert = insert_into(connection, withdrawals)
    larger = func.greatest if connection.dialect.name == "postgresql" else func.max
    newer = {"version": larger(withdrawals.c.version, upsert.excluded.version)}
    rows = [{"tenant": tenant, "item_id": item_id, "version": v} for (tenant, item_id), v in sorted(newest.items())]
    connection.execute(upsert.on_conflict_do_update(index_elements=[*withdrawals.primary_key], set_=newer), rows)
    theirs = and_(requests.c.tenant == bindparam("of_tenant"), requests.c.item_id == bindparam("of_item"))
    theirs = and_(theirs, requests.c.version <= bindparam("upto"))
    keys = [{"of_tenant": tenant, "of_item": item_id, "upto": v} for (tenant, item_id), v in sorted(newest.items())]
    _move(connection, and_(theirs, _never_tried()), State.DROPPED, keys, now)
    there = _one_of(State.PENDING, State.SENT, State.CLOSED, State.RETIRING)
    _move(connection, and_(theirs, there), State.REMOVING, keys, now)


def _unknown(connection: Connection, asked: Sequence[Asked]) -> list[Asked]:
    """Requests that were not taken before. One that comes again, by replay of its letter, is looked at anew."""
    by_id = {str(one.fact.event_id): one for one in asked}
    query = select(requests.c.request_id).where(requests.c.request_id.in_(list(by_id)))
    known = set(connection.execute(query).scalars())
    if known:
        unusable = and_(annotations.c.request_id.in_(sorted(known)), annotations.c.standing == Standing.MALFORMED)
        connection.execute(update(annotations).where(unusable).values(digest=""))
        refused = and_(requests.c.request_id.in_(sorted(known)), requests.c.state == State.REFUSED)
        connection.execute(update(requests).where(refused).values(state=State.PENDING))
    return [one for request_id, one in by_id.items() if request_id not in known]


def _admit(connection: Connection, fresh: Sequence[Asked], now: int) -> None:
    newest = _newest(connection, {one.fact.item_id for one in fresh})
    rows, outdated = [], []
    for fact, place in fresh:
        key, bar = (fact.task, fact.tenant, fact.item_id), newest.get((fact.task, fact.tenant, fact.item_id), -1)
        gone = newest.get(("", fact.tenant, fact.item_id), -1)
        state = State.DROPPED if fact.version < bar or fact.version <= gone else State.PENDING
        if state is State.PENDING and fact.version > bar:
            newest[key] = fact.version
        if bar >= 0 and state is State.PENDING and fact.version > bar:
            outdated.append(
                {"of_task": fact.task, "of_tenant": fact.tenant, "of_item": fact.item_id, "v": fact.version}
            )
        rows.append(_row(fact, place, state, now))
    connection.execute(insert(requests), rows)
    if outdated:
        older = and_(requests.c.task == bindparam("of_task"), requests.c.tenant == bindparam("of_tenant"))
        older = and_(older, requests.c.item_id == bindparam("of_item"), requests.c.version < bindparam("v"))
        _move(connection, and_(older, _never_tried()), State.DROPPED, outdated, now)
        replaced = _one_of(State.PENDING, State.SENT)
        _move(connection, and_(older, replaced), State.RETIRING, outdated, now)


def _newest(connection: Connection, item_ids: Iterable[str]) -> dict[ItemKey, int]:
    """The newest version of items that was asked about for each task and, under the task "", that was withdrawn."""
    wanted = list(item_ids)
    keys = [requests.c.task, requests.c.tenant, requests.c.item_id]
    query = select(*keys, func.max(requests.c.version)).where(requests.c.item_id.in_(wanted)).group_by(*keys)
    newest: dict[ItemKey, int] = {(row[0], row[1], row[2]): row[3] for row in connection.execute(query)}
    gone = select(withdrawals.c.tenant, withdrawals.c.item_id, withdrawals.c.version)
    for tenant, item_id, version in connection.execute(gone.where(withdrawals.c.item_id.in_(wanted))):
        newest["", tenant, item_id] = version
    return newest


def _never_tried() -> ColumnElement[bool]:
    return and_(requests.c.state == State.PENDING, requests.c.attempted_at.is_(None))


def _one_of(*states: State) -> ColumnElement[bool]:
    """Not IN, which statements with many parameter sets cannot have."""
    return or_(*(requests.c.state == state for state in states))


def _move(
    connection: Connection, where: ColumnElement[bool], state: State, keys: Sequence[Mapping[str, object]], now: int
) -> None:
    connection.execute(update(requests).where(where).values(state=state, changed_at=now), list(keys))


def _row(fact: AnnotationRequested, place: str, state: State, now: int) -> dict[str, object]:
    return {
        "request_id": str(fact.event_id),
        "task": fact.task,
        "tenant": fact.tenant,
        "item_id": fact.item_id,
        "version": fact.version,
        "annotators": fact.annotators,
        "place": place,
        "fact": fact.model_dump_json(),
        "state": state,
        "changed_at": now,
    }

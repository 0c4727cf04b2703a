"""Requests in the metadata database: the ledger of what was asked, and the outbox until the log has it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, insert, select, update

from annotation.selection.config import Trait
from annotation.selection.pool import Asked, State
from annotation.selection.rules.budget import Spent
from annotation.selection.store.tables import requests
from schemas.annotations import AnnotationRequested, Arm

TRAIT_COLUMNS = {
    Trait.MODALITY: requests.c.modality,
    Trait.LANGUAGE: requests.c.language,
    Trait.SOURCE: requests.c.source,
}


@dataclass(frozen=True, slots=True)
class Change:
    """A request about an item comes into another state."""

    tenant: str
    task: str
    item_id: str
    attempt: int
    state: State
    at_s: float


@dataclass(frozen=True, slots=True)
class Made:
    """A request as it was made, and what became of it."""

    version: int
    arm: str
    strategy: str
    reason: str
    state: str
    requested_at_ms: int


def spent(connection: Connection, tenant: str, task: str, period: int) -> Spent:
    """What has been asked of a task so far."""
    ours = _of(tenant, task)
    in_period = ours & (requests.c.period == period)
    arms = connection.execute(select(requests.c.arm, func.count()).where(ours).group_by(requests.c.arm))
    by_arm = {arm: count for arm, count in arms}
    counts: Counter[tuple[Trait, str]] = Counter()
    for trait, column in TRAIT_COLUMNS.items():
        active = in_period & (requests.c.arm == Arm.ACTIVE.value) & column.is_not(None)
        rows = connection.execute(select(column, func.count()).where(active).group_by(column))
        counts.update({(trait, value): count for value, count in rows})
    return Spent(
        in_period=_count(connection, in_period),
        active_by_trait=counts,
        ever=sum(by_arm.values()),
        ever_at_random=by_arm.get(Arm.RANDOM.value, 0),
        open=_count(connection, ours & (requests.c.state == State.OPEN.value)),
    )


def record(connection: Connection, facts: Iterable[tuple[AnnotationRequested, int]], period: int) -> None:
    """Writes requests, each with its attempt, to be sent."""
    if rows := [_row(fact, attempt, period) for fact, attempt in facts]:
        connection.execute(insert(requests), rows)


def unsent(connection: Connection) -> list[AnnotationRequested]:
    """Requests that may not have reached the log, in the order in which they were made."""
    rows = connection.execute(
        select(requests.c.event)
        .where(requests.c.sent.is_(False))
        .order_by(requests.c.requested_at, requests.c.event_id)
    )
    return [AnnotationRequested.model_validate_json(row.event) for row in rows]


def mark_sent(connection: Connection, facts: Sequence[AnnotationRequested]) -> None:
    """They are in the log; their facts need not be kept here."""
    if facts:
        one = requests.c.event_id == bindparam("sent_id")
        values = [{"sent_id": str(fact.event_id)} for fact in facts]
        connection.execute(update(requests).where(one).values(sent=True, event=None), values)


def change(connection: Connection, changes: Sequence[Change]) -> None:
    """Brings the requests about items into other states."""
    if changes:
        ours = (requests.c.tenant == bindparam("of_tenant")) & (requests.c.task == bindparam("of_task"))
        one = ours & (requests.c.item_id == bindparam("of_item")) & (requests.c.attempt == bindparam("of_attempt"))
        rows = [_state_row(each) for each in changes]
        connection.execute(update(requests).where(one).values(state=bindparam("s"), state_at=bindparam("t")), rows)


def load(connection: Connection, tenant: str, task: str) -> Iterator[tuple[str, Asked]]:
    """The requests of a task, older ones of an item first."""
    rows = connection.execute(select(requests).where(_of(tenant, task)).order_by(requests.c.attempt))
    for row in rows:
        yield row.item_id, Asked(row.version, row.attempt, Arm(row.arm), State(row.state), row.state_at / 1000)


def about(connection: Connection, tenant: str, task: str, item_id: str) -> list[Made]:
    """The requests about an item, the oldest first."""
    one = _of(tenant, task) & (requests.c.item_id == item_id)
    rows = connection.execute(select(requests).where(one).order_by(requests.c.attempt))
    return [Made(row.version, row.arm, row.strategy, row.reason, row.state, row.requested_at) for row in rows]


def _of(tenant: str, task: str) -> ColumnElement[bool]:
    return and_(requests.c.tenant == tenant, requests.c.task == task)


def _count(connection: Connection, where: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(requests).where(where)).scalar_one()


def _state_row(change: Change) -> dict[str, object]:
    return {
        "of_tenant": change.tenant,
        "of_task": change.task,
        "of_item": change.item_id,
        "of_attempt": change.attempt,
        "s": change.state.value,
        "t": int(change.at_s * 1000),
    }


def _row(fact: AnnotationRequested, attempt: int, period: int) -> dict[str, object]:
    at = int(fact.occurred_at.timestamp() * 1000)
    return {
        "event_id": str(fact.event_id),
        "tenant": fact.tenant,
        "task": fact.task,
        "item_id": fact.item_id,
        "version": fact.version,
        "attempt": attempt,
        "arm": fact.arm.value,
        "strategy": fact.strategy,
        "reason": fact.reason,
        "period": period,
        "modality": fact.modality.value if fact.modality else None,
        "language": fact.language,
        "source": fact.source,
        "requested_at": at,
        "state": State.OPEN.value,
        "state_at": at,
        "event": fact.model_dump_json(),
        "sent": False,
    }

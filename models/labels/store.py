"""Labels as scoring, the account and training read them, and the one way in which consensus writes them.

A reader that follows along keeps the number of the last change it saw and asks for what came after it: an indexed look,
however many labels there are. Changes of a task are numbered without gaps in the order of their transactions, as each
of them holds the task's total while it writes.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pydantic import JsonValue
from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, Row, and_, select

from models.labels.tables import label_totals as totals
from models.labels.tables import metadata
from models.labels.tables import settled_labels as labels
from models.metadata.dialect import insert_into, replacing
from schemas.annotations import Arm

Result = tuple[dict[str, JsonValue], ...]
ITEMS_AT_ONCE = 500
"""Item ids in one question to the database."""


class SettledLabel(NamedTuple):
    """The label of an item for one task."""

    tenant: str
    item_id: str
    task: str
    version: int
    """Of the item that people saw; a newer one may show something else."""
    labels: tuple[str, ...]
    """The classes of a class or multi-label task; empty for other kinds."""
    result: Result
    trust: float
    """Weight in training, 0 to 1."""
    arm: Arm
    annotators: int
    agreement: float | None
    revision: int
    """Of the LabelSettled that told it."""
    settled_at_ms: int


class Changes(NamedTuple):
    """What became of a task's labels since a reader last looked."""

    settled: list[SettledLabel]
    """New, or different."""
    gone: list[str]
    """Item ids that have no label; some may never have had one."""
    upto: int
    """The change to ask from next time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the label of an item stands, as consensus keeps it; `reason` is None where it is settled."""

    tenant: str
    task: str
    item_id: str
    version: int
    arm: Arm
    reason: str | None
    labels: tuple[str, ...] = ()
    result: Result = ()
    trust: float = 0.0
    annotators: int = 0
    agreement: float | None = None
    asked: int = 0
    revision: int = 0
    at_ms: int = 0


class LabelStore:
    """Reads settled labels. May be shared by threads. Raises Unavailable while the database does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine.execution_options(reading=True)

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self._engine)

    def labels(self, task: str, tenant: str) -> list[SettledLabel]:
        """All labels of a task, by item id."""
        ours = and_(labels.c.tenant == tenant, labels.c.task == task, labels.c.settled)
        with self._engine.connect() as connection:
            rows = connection.execute(select(labels).where(ours).order_by(labels.c.item_id)).all()
        return [_label(row) for row in rows]

    def labels_of(self, task: str, tenant: str, item_ids: Collection[str]) -> dict[str, SettledLabel]:
        """The labels of some items; those without one are left out."""
        found: dict[str, SettledLabel] = {}
        wanted = sorted(item_ids)
        with self._engine.connect() as connection:
            for start in range(0, len(wanted), ITEMS_AT_ONCE):
                rows = _rows(connection, tenant, [task], wanted[start : start + ITEMS_AT_ONCE])
                found |= {row.item_id: _label(row) for row in rows if row.settled}
        return found

    def changes(self, task: str, tenant: str, since: int = 0) -> Changes:
        """What changed after the change numbered `since`; 0 is the beginning. Each item appears once, as it is now."""
        newer = and_(labels.c.tenant == tenant, labels.c.task == task, labels.c.change > since)
        with self._engine.connect() as connection:
            rows = connection.execute(select(labels).where(newer).order_by(labels.c.change)).all()
        settled = [_label(row) for row in rows if row.settled]
        return Changes(settled, [row.item_id for row in rows if not row.settled], rows[-1].change if rows else since)

    def count(self, task: str, tenant: str) -> int:
        """How many items have a label; one row is read."""
        return self._total(task, tenant)[0]

    def latest_change(self, task: str, tenant: str) -> int:
        """The number of the last change; one row is read."""
        return self._total(task, tenant)[1]

    def _total(self, task: str, tenant: str) -> tuple[int, int]:
        ours = and_(totals.c.tenant == tenant, totals.c.task == task)
        with self._engine.connect() as connection:
            row = connection.execute(select(totals).where(ours)).first()
        return (row.labels, row.changes) if row else (0, 0)


def standings(connection: Connection, tenant: str, tasks: Collection[str], item_ids: Collection[str]) -> list[Standing]:
    """Where the labels of these items stand; for consensus, in its transaction."""
    return [_standing(row) for row in _rows(connection, tenant, tasks, item_ids)]


def write_standings(connection: Connection, changed: Sequence[tuple[Standing | None, Standing]]) -> None:
    """Writes pairs of before and after, one an item and task; for consensus alone, in its transaction."""
    by_task = sorted(changed, key=lambda pair: (pair[1].tenant, pair[1].task))  # one order: writers never cross
    for (tenant, task), group in groupby(by_task, key=lambda pair: (pair[1].tenant, pair[1].task)):
        pairs = list(group)
        gained = sum((after.reason is None) - (before is not None and before.reason is None) for before, after in pairs)
        last = _number(connection, tenant, task, gained, len(pairs))
        first = last - len(pairs) + 1
        rows = [_row(after, first + place) for place, (_, after) in enumerate(pairs)]
        connection.execute(replacing(connection, labels), rows)


def _number(connection: Connection, tenant: str, task: str, gained: int, count: int) -> int:
    """Adds to the task's total, which holds off other writers; the number of the last change."""
    upsert = insert_into(connection, totals).values(tenant=tenant, task=task, labels=gained, changes=count)
    more = {"labels": totals.c.labels + gained, "changes": totals.c.changes + count}
    added = upsert.on_conflict_do_update(index_elements=[*totals.primary_key], set_=more)
    return int(connection.execute(added.returning(totals.c.changes)).scalar_one())


def _rows(
    connection: Connection, tenant: str, tasks: Collection[str], item_ids: Collection[str]
) -> Sequence[Row[tuple[object, ...]]]:
    wanted = and_(labels.c.tenant == tenant, labels.c.task.in_(tasks), labels.c.item_id.in_(item_ids))
    return connection.execute(select(labels).where(wanted)).all()


def _row(after: Standing, change: int) -> dict[str, object]:
    return {
        "tenant": after.tenant,
        "task": after.task,
        "item_id": after.item_id,
        "version": after.version,
        "settled": after.reason is None,
        "reason": after.reason,
        "labels": to_json(after.labels).decode(),
        "result": to_json(after.result).decode(),
        "trust": after.trust,
        "arm": after.arm.value,
        "annotators": after.annotators,
        "agreement": after.agreement,
        "asked": after.asked,
        "revision": after.revision,
        "change": change,
        "settled_at_ms": after.at_ms,
    }


def _standing(row: Row[tuple[object, ...]]) -> Standing:
    return Standing(
        row.tenant,
        row.task,
        row.item_id,
        row.version,
        Arm(row.arm),
        row.reason,
        tuple(from_json(row.labels)),
        tuple(from_json(row.result)),
        row.trust,
        row.annotators,
        row.agreement,
        row.asked,
        row.revision,
        row.settled_at_ms,
    )


def _label(row: Row[tuple[object, ...]]) -> SettledLabel:
    return SettledLabel(
        row.tenant,
        row.item_id,
        row.task,
        row.version,
        tuple(from_json(row.labels)),
        tuple(from_json(row.result)),
        row.trust,
        Arm(row.arm),
        row.annotators,
        row.agreement,
        row.revision,
        row.settled_at_ms,
    )

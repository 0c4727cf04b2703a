"""What scoring must know of an item to tell its score again, and cannot ask of the index.

The index knows an item's vector and the beginning of its words; what annotators see, the fact that brought the item,
its feedback signal and what was told last are kept here, one row an item and model version. With them a restart goes
on where the process stopped.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Engine, Row, and_, bindparam, delete, or_, select, update

from consumers.scoring.tables import candidates, metadata
from models.metadata.dialect import insert_into
from schemas.annotations import Shown
from schemas.event import Event

ITEMS_AT_ONCE = 500
"""Item ids in one question to the database."""


class Told(NamedTuple):
    """What was told last about an item, for one task."""

    head: int
    u: float
    acquisition: float


@dataclass(frozen=True, slots=True)
class Signal:
    """A feedback signal and the window it was measured in; of several the latest window's highest revision counts."""

    value: float = 0.0
    at_ms: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """An item that may be labelled."""

    tenant: str
    item_id: str
    version: int
    cause: UUID
    traceparent: str
    shown: Shown
    """Without predictions: those are of a head."""
    neighbours: tuple[tuple[str, float], ...] = ()
    told: dict[str, Told] = field(default_factory=dict)
    signal: Signal = Signal()

    @property
    def brought_by(self) -> Event:
        """The fact that scores of it follow from, as far as that needs it."""
        return Event(event_id=self.cause, traceparent=self.traceparent)


class CandidateStore:
    """The candidates of one model version. May be shared by threads. Raises Unavailable with the database."""

    def __init__(self, engine: Engine, model_version: str) -> None:
        self._engine = engine
        self.model_version = model_version

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self._engine)

    def put(self, found: Sequence[Candidate]) -> None:
        """Writes candidates, each item once; none over a newer version. Signals that are there stay."""
        if not found:
            return
        with self._engine.begin() as connection:
            upsert = insert_into(connection, candidates)
            new = {name: upsert.excluded[name] for name in _CHANGING}
            not_newer = candidates.c.version <= upsert.excluded.version
            keys = [*candidates.primary_key]
            connection.execute(
                upsert.on_conflict_do_update(index_elements=keys, set_=new, where=not_newer),
                [self._row(one) for one in sorted(found, key=lambda one: (one.tenant, one.item_id))],
            )

    def find(self, tenant: str, item_ids: Iterable[str]) -> dict[str, Candidate]:
        """Those of the items that are known."""
        wanted, found = list(dict.fromkeys(item_ids)), dict[str, Candidate]()
        with self._engine.execution_options(reading=True).connect() as connection:
            for start in range(0, len(wanted), ITEMS_AT_ONCE):
                some = self._of(tenant, wanted[start : start + ITEMS_AT_ONCE])
                rows = connection.execute(select(candidates).where(some)).all()
                found |= {row.item_id: _candidate(row) for row in rows}
        return found

    def remove(self, withdrawn: Sequence[tuple[str, str, int]]) -> None:
        """Forgets items, by tenant, id and the version up to which they are withdrawn."""
        if not withdrawn:
            return
        gone = and_(
            candidates.c.tenant == bindparam("of_tenant"),
            candidates.c.item_id == bindparam("of_item"),
            candidates.c.version <= bindparam("upto"),
            candidates.c.model_version == self.model_version,
        )
        rows = [{"of_tenant": tenant, "of_item": item, "upto": upto} for tenant, item, upto in sorted(withdrawn)]
        with self._engine.begin() as connection:
            connection.execute(delete(candidates).where(gone), rows)

    def measured(self, signals: Sequence[tuple[str, str, Signal]]) -> None:
        """Notes signals of items that are known, unless a later one is."""
        if not signals:
            return
        at, revision = candidates.c.signal_at_ms, candidates.c.signal_revision
        later = or_(at < bindparam("at_ms"), and_(at == bindparam("at_ms"), revision <= bindparam("to_revision")))
        ours = and_(
            candidates.c.tenant == bindparam("of_tenant"),
            candidates.c.item_id == bindparam("of_item"),
            candidates.c.model_version == self.model_version,
        )
        change = (
            update(candidates)
            .where(ours, later)
            .values(
                signal=bindparam("value"), signal_at_ms=bindparam("at_ms"), signal_revision=bindparam("to_revision")
            )
        )
        rows = [
            {"of_tenant": tenant, "of_item": item, "value": one.value, "at_ms": one.at_ms, "to_revision": one.revision}
            for tenant, item, one in sorted(signals, key=lambda signal: signal[:2])
        ]
        with self._engine.begin() as connection:
            connection.execute(change, rows)

    def _of(self, tenant: str, item_ids: Sequence[str]) -> ColumnElement[bool]:
        return and_(
            candidates.c.tenant == tenant,
            candidates.c.item_id.in_(item_ids),
            candidates.c.model_version == self.model_version,
        )

    def _row(self, one: Candidate) -> dict[str, object]:
        return {
            "tenant": one.tenant,
            "item_id": one.item_id,
            "model_version": self.model_version,
            "version": one.version,
            "cause": str(one.cause),
            "traceparent": one.traceparent,
            "shown": one.shown.model_dump_json(),
            "neighbours": _NEIGHBOURS.dump_json(one.neighbours).decode(),
            "told": _TOLD.dump_json(one.told).decode(),
            "signal": one.signal.value,
            "signal_at_ms": one.signal.at_ms,
            "signal_revision": one.signal.revision,
        }


_CHANGING = ("version", "cause", "traceparent", "shown", "neighbours", "told")
_NEIGHBOURS = TypeAdapter(tuple[tuple[str, float], ...])
_TOLD = TypeAdapter(dict[str, Told])


def _candidate(row: Row[tuple[object, ...]]) -> Candidate:
    return Candidate(
        row.tenant,
        row.item_id,
        row.version,
        UUID(row.cause),
        row.traceparent,
        Shown.model_validate_json(row.shown),
        _NEIGHBOURS.validate_json(row.neighbours),
        _TOLD.validate_json(row.told),
        Signal(row.signal, row.signal_at_ms, row.signal_revision),
    )

"""Candidates in the metadata database: the newest score of each item, whole, as a request will need it."""

from collections.abc import Collection, Iterable, Sequence

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, select

from annotation.selection.config import Trait
from annotation.selection.pool import Candidate
from annotation.selection.store.tables import candidates
from models.metadata.dialect import replacing
from schemas.annotations import ItemScored, Neighbour, Shown, Uncertainty

NEIGHBOURS = TypeAdapter(tuple[Neighbour, ...])
SHOWN_FIELDS = frozenset(Shown.model_fields)


def candidate_of(fact: ItemScored) -> Candidate:
    """The part of a score that rounds look at."""
    return Candidate(
        item_id=fact.item_id,
        version=fact.version,
        model_version=fact.model_version,
        generation=fact.generation,
        head=fact.head,
        uncertainty=fact.uncertainty,
        acquisition=fact.acquisition,
        signal=fact.feedback_signal,
        classes=tuple(one.label for one in fact.predicted),
        chances=tuple(one.probability for one in fact.predicted),
        traits=traits_of(fact),
        neighbours=tuple((one.item_id, one.distance) for one in fact.neighbours),
    )


def traits_of(shown: Shown) -> dict[Trait, str | None]:
    """What quotas go by."""
    modality = shown.modality.value if shown.modality else None
    return {Trait.MODALITY: modality, Trait.LANGUAGE: shown.language, Trait.SOURCE: shown.source or None}


def write(connection: Connection, facts: Sequence[ItemScored]) -> None:
    """Upserts scores; of an item and task only the last one may be in `facts`."""
    if facts:
        connection.execute(replacing(connection, candidates), [_row(fact) for fact in facts])


def remove(connection: Connection, tenant: str, task: str, item_ids: Collection[str]) -> None:
    """Deletes candidates of a task."""
    if item_ids:
        wanted = _of(tenant, task) & (candidates.c.item_id == bindparam("gone"))
        connection.execute(delete(candidates).where(wanted), [{"gone": item_id} for item_id in item_ids])


def load(connection: Connection, tenant: str, task: str) -> Iterable[Candidate]:
    """All candidates of a task, in the order in which they were scored."""
    rows = connection.execute(select(candidates).where(_of(tenant, task)).order_by(candidates.c.scored_at))
    return (_candidate(row) for row in rows)


def scored(
    connection: Connection, tenant: str, task: str, item_ids: Collection[str]
) -> dict[str, tuple[int, str, Shown]]:
    """Version, model version and what annotators see of some items."""
    rows = connection.execute(select(candidates).where(_of(tenant, task) & candidates.c.item_id.in_(item_ids)))
    return {row.item_id: (row.version, row.model_version, Shown.model_validate_json(row.shown)) for row in rows}


def _of(tenant: str, task: str) -> ColumnElement[bool]:
    return and_(candidates.c.tenant == tenant, candidates.c.task == task)


def _row(fact: ItemScored) -> dict[str, object]:
    return {
        "tenant": fact.tenant,
        "task": fact.task,
        "item_id": fact.item_id,
        "version": fact.version,
        "model_version": fact.model_version,
        "generation": fact.generation,
        "head": fact.head,
        "acquisition": fact.acquisition,
        "uncertainty": fact.uncertainty.model_dump_json(),
        "density": fact.density,
        "signal": fact.feedback_signal,
        "neighbours": NEIGHBOURS.dump_json(fact.neighbours).decode(),
        "shown": fact.model_dump_json(include=set(SHOWN_FIELDS)),
        "scored_at": int(fact.occurred_at.timestamp() * 1000),
    }


def _candidate(row: Row[tuple[object, ...]]) -> Candidate:
    near, seen = NEIGHBOURS.validate_json(row.neighbours), Shown.model_validate_json(row.shown)
    return Candidate(
        item_id=row.item_id,
        version=row.version,
        model_version=row.model_version,
        generation=row.generation,
        head=row.head,
        uncertainty=Uncertainty.model_validate_json(row.uncertainty),
        acquisition=row.acquisition,
        signal=row.signal,
        classes=tuple(one.label for one in seen.predicted),
        chances=tuple(one.probability for one in seen.predicted),
        traits=traits_of(seen),
        neighbours=tuple((one.item_id, one.distance) for one in near),
    )

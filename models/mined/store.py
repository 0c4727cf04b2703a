"""The store of mined examples: written again and again, the same; read in bounded pages.

A page is read on from the place of its last row, so that a reader needs no memory and sees each row once, however much
is written meanwhile. Raises Unavailable while the database does not answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Engine, Table, delete, func, select, tuple_

from models.metadata.dialect import insert_into
from models.mined.tables import hard_negatives, mined_queries
from schemas.event import Event
from schemas.signals import HardNegativeMined, QueryFailed

MAX_PAGE = 10_000


class Place(NamedTuple):
    """Where a page ended: pass it on to get the next one."""

    moment: int
    id: str


BEGINNING = Place(-1, "")


@dataclass(frozen=True, slots=True)
class FailedQuery:
    """Words that found nothing people wanted, in one window of time."""

    place: Place
    tenant: str
    query_text: str
    model_version: str
    searches: int
    failures: int


@dataclass(frozen=True, slots=True)
class HardNegative:
    """For a query, an item that people took and one that they passed over."""

    place: Place
    tenant: str
    query_text: str
    positive_id: str
    positive_version: int
    negative_id: str
    negative_version: int
    weight: float
    model_version: str

    @property
    def event_id(self) -> UUID:
        return UUID(self.place.id)


class MinedStore:
    """Writes and reads mined examples. May be shared by threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, queries: Iterable[QueryFailed], negatives: Iterable[HardNegativeMined]) -> None:
        """Stores measurements unless a later one of the same is there, and negatives unless they are there. Durable."""
        newest: dict[str, dict[str, Any]] = {}
        for query in queries:
            row = _query_row(query)
            if row["key"] not in newest or newest[row["key"]]["revision"] < row["revision"]:
                newest[row["key"]] = row
        mined = {str(negative.event_id): _negative_row(negative) for negative in negatives}
        if not newest and not mined:
            return
        with self._engine.begin() as connection:
            if newest:
                upsert = insert_into(connection, mined_queries)
                told = {name: upsert.excluded[name] for name in ("revision", "searches", "failures")}
                newer = upsert.excluded.revision > mined_queries.c.revision
                upsert = upsert.on_conflict_do_update(index_elements=["key"], set_=told, where=newer)
                connection.execute(upsert, [*newest.values()])
            if mined:
                added = insert_into(connection, hard_negatives).on_conflict_do_nothing()
                connection.execute(added, [*mined.values()])

    def failed_queries(
        self, tenant: str, after: Place = BEGINNING, limit: int = 1000, model_version: str | None = None
    ) -> list[FailedQuery]:
        """Failed queries in the order of their windows, after a place. At most `limit`, and MAX_PAGE."""
        table = mined_queries
        place = (table.c.window_start, table.c.key)
        return [
            FailedQuery(
                Place(row.window_start, row.key),
                row.tenant,
                row.query_text,
                row.model_version,
                row.searches,
                row.failures,
            )
            for row in self._page(table, place, tenant, after, limit, model_version)
        ]

    def hard_negatives(
        self, tenant: str, after: Place = BEGINNING, limit: int = 1000, model_version: str | None = None
    ) -> list[HardNegative]:
        """Hard negatives in the order of their searches, after a place. At most `limit`, and MAX_PAGE."""
        table = hard_negatives
        place = (table.c.searched_at, table.c.event_id)
        return [
            HardNegative(
                Place(row.searched_at, row.event_id),
                row.tenant,
                row.query_text,
                row.positive_id,
                row.positive_version,
                row.negative_id,
                row.negative_version,
                row.weight,
                row.model_version,
            )
            for row in self._page(table, place, tenant, after, limit, model_version)
        ]

    def counts(self, tenant: str) -> tuple[int, int]:
        """Failed queries and hard negatives of a tenant."""
        with self._engine.execution_options(reading=True).connect() as connection:
            found = [
                connection.execute(select(func.count()).select_from(table).where(table.c.tenant == tenant)).scalar_one()
                for table in (mined_queries, hard_negatives)
            ]
        return found[0], found[1]

    def forget_before(self, moment: datetime) -> int:
        """Removes what was mined from searches before a time, of all tenants; how many rows."""
        moment_ms = _ms(moment)
        with self._engine.begin() as connection:
            queries = connection.execute(delete(mined_queries).where(mined_queries.c.window_start < moment_ms))
            negatives = connection.execute(delete(hard_negatives).where(hard_negatives.c.searched_at < moment_ms))
            return queries.rowcount + negatives.rowcount

    def _page(
        self, table: Table, place: tuple[Any, Any], tenant: str, after: Place, limit: int, model_version: str | None
    ) -> Sequence[Any]:
        query = select(table).where(table.c.tenant == tenant, tuple_(*place) > tuple_(*after)).order_by(*place)
        if model_version is not None:
            query = query.where(table.c.model_version == model_version)
        with self._engine.execution_options(reading=True).connect() as connection:
            return connection.execute(query.limit(max(1, min(limit, MAX_PAGE)))).all()


def _query_row(fact: QueryFailed) -> dict[str, Any]:
    about = {
        "tenant": fact.tenant,
        "query_modality": fact.query_modality.value,
        "query_text": _text(fact.query_text),
        "model_version": fact.model_version,
        "window_start": _ms(fact.window_start),
        "window_s": fact.window_s,
    }
    key = sha256(repr(sorted(about.items())).encode()).hexdigest()
    return {"key": key, "revision": fact.revision, "searches": fact.searches, "failures": fact.failures} | about


def _negative_row(fact: HardNegativeMined) -> dict[str, Any]:
    return {
        "event_id": str(fact.event_id),
        "tenant": fact.tenant,
        "query_text": _text(fact.query_text),
        "positive_id": _text(fact.positive_id),
        "positive_version": fact.positive_version,
        "negative_id": _text(fact.negative_id),
        "negative_version": fact.negative_version,
        "weight": fact.weight,
        "model_version": fact.model_version,
        "searched_at": _ms(fact.occurred_at),
    }


def mined(facts: Iterable[Event]) -> tuple[list[QueryFailed], list[HardNegativeMined]]:
    """Of all facts, those that are examples."""
    facts = list(facts)
    return (
        [fact for fact in facts if isinstance(fact, QueryFailed)],
        [fact for fact in facts if isinstance(fact, HardNegativeMined)],
    )


def _text(words: str) -> str:
    """Without NUL, which PostgreSQL has no place for."""
    return words.replace("\0", "")


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)

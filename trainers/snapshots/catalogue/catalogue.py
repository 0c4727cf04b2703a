"""The catalogue in the metadata database: one row an item, the highest version winning in any order.

A withdrawal takes the content and leaves the version, so that nothing older comes back. `since` is the version from
which on the content has been the same: an item that is published again as it was keeps the labels that it has.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, case, func, or_, select

from models.metadata.dialect import insert_into
from schemas.items import ItemCurated, ItemWithdrawn, MediaRef, Modality
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.rows import Key
from trainers.snapshots.tables import catalogue as table
from trainers.snapshots.tables import metadata

ITEMS_AT_ONCE = 500
"""Item ids in one question to the database."""
PAGE = 2000
"""Rows read at once."""


@dataclass(frozen=True, slots=True)
class Listing:
    """An item as it is now."""

    key: Key
    version: int
    since: int
    """The content has been the same since this version."""
    modality: Modality
    content_sha256: str
    media: MediaRef | None
    text: str | None
    licence: str | None
    source: str
    language: str | None


class ItemCatalogue:
    """The newest version of each item. May be shared by threads. Raises Unavailable with the database."""

    def __init__(self, engine: Engine, config: SnapshotConfig) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._text_chars = config.text_chars

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self._engine)

    def write(self, facts: Sequence[ItemCurated | ItemWithdrawn]) -> None:
        """Durably, in any order; what is written again changes nothing."""
        rows = _newest([row for fact in facts if (row := _row(fact, self._text_chars)) is not None])
        if rows:
            with self._engine.begin() as connection:
                connection.execute(_upsert(connection), rows)

    def captioned(self) -> Iterator[Listing]:
        """Media with words about them, of all tenants, in no order; a few at a time are held in memory."""
        return self._streamed(table.c.modality != Modality.TEXT.value, table.c.text.is_not(None))

    def present(self) -> Iterator[Listing]:
        """All that is there, of all tenants, in no order; a few at a time are held in memory."""
        return self._streamed()

    def find(self, keys: Iterable[Key]) -> dict[Key, Listing]:
        """Those of the items that are there."""
        found: dict[Key, Listing] = {}
        with self._reading.connect() as connection:
            for tenant, ours in groupby(sorted(set(keys)), key=lambda key: key.tenant):
                item_ids = [key.item_id for key in ours]
                for start in range(0, len(item_ids), ITEMS_AT_ONCE):
                    rows = _of(connection, tenant, item_ids[start : start + ITEMS_AT_ONCE])
                    found |= {one.key: one for one in map(_listing, rows)}
        return found

    def _streamed(self, *wanted: ColumnElement[bool]) -> Iterator[Listing]:
        query = select(table).where(~table.c.withdrawn, *wanted)
        with self._reading.connect() as connection:
            yield from map(_listing, connection.execution_options(yield_per=PAGE).execute(query))

    def versions(self, key: Key) -> tuple[int, bool] | None:
        """The newest version of an item, and whether it is withdrawn; None where it was never seen."""
        ours = and_(table.c.tenant == key.tenant, table.c.item_id == key.item_id)
        with self._reading.connect() as connection:
            row = connection.execute(select(table.c.version, table.c.withdrawn).where(ours)).first()
        return None if row is None else (row.version, bool(row.withdrawn))

    def count(self) -> int:
        """Items that are there."""
        with self._reading.connect() as connection:
            return connection.execute(select(func.count()).select_from(table).where(~table.c.withdrawn)).scalar_one()


def _of(connection: Connection, tenant: str, item_ids: Collection[str]) -> Sequence[Row[tuple[Any, ...]]]:
    wanted = and_(table.c.tenant == tenant, table.c.item_id.in_(item_ids), ~table.c.withdrawn)
    return connection.execute(select(table).where(wanted)).all()


def _upsert(connection: Connection) -> Any:
    upsert = insert_into(connection, table)
    new = upsert.excluded
    same = and_(~table.c.withdrawn, ~new.withdrawn, table.c.content_sha256 == new.content_sha256)
    changed: dict[str, Any] = {column.name: new[column.name] for column in table.c if not column.primary_key}
    changed["since"] = case((same, table.c.since), else_=new.since)
    newer = or_(new.version > table.c.version, and_(new.version == table.c.version, new.withdrawn))
    return upsert.on_conflict_do_update(index_elements=[*table.primary_key], set_=changed, where=newer)


def _newest(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last version of each item, in the order of the keys: two writers never cross."""
    newest: dict[Key, dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["version"], row["withdrawn"])):
        key = Key(row["tenant"], row["item_id"])
        before = newest.get(key)
        if before is not None and before["content_sha256"] == row["content_sha256"]:  # None where withdrawn
            row["since"] = before["since"]
        newest[key] = row
    return [newest[key] for key in sorted(newest)]


def _row(fact: ItemCurated | ItemWithdrawn, text_chars: int) -> dict[str, Any] | None:
    if isinstance(fact, ItemWithdrawn):
        return None if fact.version is None else _gone(fact, fact.version)
    media = fact.media
    return {
        "tenant": fact.tenant,
        "item_id": fact.item_id,
        "version": fact.version,
        "since": fact.version,
        "withdrawn": False,
        "modality": fact.modality.value,
        "content_sha256": fact.content_sha256,
        "media_uri": media and media.uri,
        "media_sha256": media and media.sha256,
        "media_length": media and media.length,
        "media_type": media and media.media_type,
        "text": _words(fact.text and fact.text[:text_chars]) or None,
        "licence": _words(fact.licence),
        "source": _words(fact.source) or "",
        "language": _words(fact.language),
    }


_NOTHING = dict.fromkeys(column.name for column in table.c if column.nullable)


def _gone(fact: ItemWithdrawn, version: int) -> dict[str, Any]:
    named = {"tenant": fact.tenant, "item_id": fact.item_id, "version": version, "since": version}
    return {**_NOTHING, **named, "withdrawn": True, "source": ""}


def _words(text: str | None) -> str | None:
    """Without NUL, which PostgreSQL has no place for."""
    return text and text.replace("\0", "")


def _listing(row: Row[tuple[Any, ...]]) -> Listing:
    media = row.media_uri and MediaRef(
        uri=row.media_uri, sha256=row.media_sha256, length=row.media_length, media_type=row.media_type
    )
    return Listing(
        Key(row.tenant, row.item_id),
        row.version,
        row.since,
        Modality(row.modality),
        row.content_sha256,
        media or None,
        row.text,
        row.licence,
        row.source,
        row.language,
    )

"""What SQLite and PostgreSQL say in words of their own: inserts that know conflicts, and turns between writers."""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Table, text

if TYPE_CHECKING:  # each brings drivers along, and a process needs one of them
    from sqlalchemy.dialects import postgresql, sqlite

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


def insert_into(connection: Connection, table: Table) -> "sqlite.Insert | postgresql.Insert":
    """The dialect's own insert, which knows conflicts."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)


def replacing(
    connection: Connection, table: Table, columns: Collection[str] | None = None
) -> "sqlite.Insert | postgresql.Insert":
    """An insert that replaces these columns, or all but the key, of a row whose key is there already."""
    upsert = insert_into(connection, table)
    names = [column.name for column in table.c if not column.primary_key] if columns is None else columns
    new = {name: upsert.excluded[name] for name in names}
    return upsert.on_conflict_do_update(index_elements=[*table.primary_key], set_=new)


def take_turns(connection: Connection, scope: str, names: Iterable[str]) -> None:
    """Holds off other transactions that name the same. SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        for name in sorted(names):  # in one order, so that two of us never wait for each other
            connection.execute(LOCK, {"name": f"{scope}/{name}"})

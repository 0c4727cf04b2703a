"""Values as both databases can hold them."""

from typing import Any

from sqlalchemy import Connection, Table

from models.metadata.dialect import insert_into
from streams.clock import Clock


def storable(**values: Any) -> dict[str, Any]:
    """The values of a row; texts without NUL, which PostgreSQL has no place for."""
    return {name: value.replace("\0", "") if isinstance(value, str) else value for name, value in values.items()}


def now_ms(clock: Clock) -> int:
    """Whole milliseconds since the epoch."""
    return int(clock.time() * 1000)


def added(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Adds a row; False if a key or a unique value of it is taken. Of several that come at once, one adds it."""
    insert = insert_into(connection, table).values(**row).on_conflict_do_nothing()
    return connection.execute(insert.returning(*table.primary_key)).first() is not None  # rowcount is silent here

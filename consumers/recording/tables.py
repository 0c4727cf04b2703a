"""The statements that create and extend the tables, derived from the events there are.

Each event type has a log table (`item_published_log`) that takes what is delivered, and a view of the same fact without
repetitions (`item_published`), which is what people read. Delivery is at least once, and a redelivered batch may be cut
differently, so the tables are ReplacingMergeTree and the views read with FINAL.

The sorting key is the event id alone, since rows are the same fact exactly if they share it. There is no PARTITION BY:
a fact said twice may carry two times, and rows in different partitions never replace each other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from re import sub

from consumers.recording.columns import Column, columns_of
from schemas.catalogue import EVENT_CLASSES
from schemas.event import Event
from streams.errors import Misconfigured


@dataclass(frozen=True)
class Table:
    """The table of one event type."""

    event_type: type[Event]
    columns: tuple[Column, ...]

    @cached_property
    def view(self) -> str:
        """What people read, such as `item_published`."""
        return sub(r"(?<!^)(?=[A-Z])", "_", self.event_type.__name__).lower()

    @property
    def name(self) -> str:
        """What is written, such as `item_published_log`."""
        return f"{self.view}_log"


def tables(events: Sequence[type[Event]] = EVENT_CLASSES, log_epoch: int = 0) -> dict[type[Event], Table]:
    """A table for each event type."""
    return {event: Table(event, columns_of(event, log_epoch)) for event in events}


def create_table(table: Table) -> str:
    """Creates the log table if it is missing. Inserts are on disk when they return, whatever happens to the power."""
    columns = ",\n    ".join(f"{quoted(column.name)} {column.type}" for column in table.columns)
    return (
        f"CREATE TABLE IF NOT EXISTS {table.name}\n(\n    {columns}\n)\n"
        "ENGINE = ReplacingMergeTree\nORDER BY event_id\n"
        "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1"
    )


def create_view(table: Table) -> str:
    """Creates the view anew, as its columns are those that the table had when it was created."""
    return f"CREATE OR REPLACE VIEW {table.view} AS SELECT * FROM {table.name} FINAL"


def alterations(table: Table, existing: Mapping[str, str]) -> list[str]:
    """What makes a table of an earlier release fit: missing columns are added, nothing is ever taken away.

    `existing` maps the names of the table's columns to their types. A field that became optional widens its column; one
    that became required fits as it is. Raises Misconfigured if a type changed in any other way.
    """
    return [
        f"ALTER TABLE {table.name} {change} {quoted(column.name)} {column.type}"
        for column in table.columns
        if (change := _change(table, column, existing.get(column.name))) is not None
    ]


def _change(table: Table, column: Column, existing: str | None) -> str | None:
    if existing is None:
        return "ADD COLUMN IF NOT EXISTS"
    if existing == column.type or _without_nullable(existing) == column.type:
        return None
    if existing == _without_nullable(column.type):
        return "MODIFY COLUMN"
    raise Misconfigured(
        f"column {column.name} of {table.name} is {existing} but this release writes {column.type}: "
        f"rename the table (RENAME TABLE {table.name} TO {table.name}_old), restart, and replay the recording stage"
    )


def _without_nullable(type_name: str) -> str:
    return sub(r"Nullable\((.*?)\)(?=\)|$)", r"\1", type_name, count=1)


def quoted(name: str) -> str:
    """The name in backticks: nested columns have a dot in theirs."""
    return f"`{name}`"

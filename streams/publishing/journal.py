"""What was sent before, so that publishing a folder again sends nothing new.

An entry is written after the broker acknowledged its record. A crash in between sends the record again: with the same
generation and digest it gets the same event id, so every sink recognises it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Self

from streams.errors import Misconfigured, Unavailable

_ITEMS = """
CREATE TABLE IF NOT EXISTS items (
    destination TEXT NOT NULL,
    tenant TEXT NOT NULL,
    item_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    generation INTEGER NOT NULL,
    withdrawn INTEGER NOT NULL,
    PRIMARY KEY (destination, tenant, item_id)
) WITHOUT ROWID
"""
_UPSERT = """
INSERT INTO items VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT DO UPDATE SET digest = excluded.digest, generation = excluded.generation, withdrawn = excluded.withdrawn
WHERE excluded.generation >= items.generation
"""
_LAST = "SELECT digest, generation, withdrawn FROM items WHERE destination = ? AND tenant = ? AND item_id = ?"


@dataclass(frozen=True, slots=True)
class Entry:
    """The newest acknowledged record of an item."""

    digest: bytes
    generation: int
    """Counts the records of the item, from 1."""
    withdrawn: bool = False


class Journal:
    """A SQLite file. `destination` names the log that the entries are about; one file may serve several."""

    def __init__(self, connection: sqlite3.Connection, destination: str) -> None:
        self._connection = connection
        self._destination = destination
        self._lock = Lock()

    @classmethod
    def open(cls, path: Path, destination: str) -> Self:
        """Creates the file where it is missing. Raises Misconfigured if it is not a journal."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(_ITEMS)
        except (sqlite3.Error, OSError) as error:
            raise Misconfigured(f"the publishing journal {path} cannot be opened: {error}") from error
        return cls(connection, destination)

    def last(self, tenant: str, item_id: str) -> Entry | None:
        """The newest entry of an item."""
        with self._working() as connection:
            row = connection.execute(_LAST, (self._destination, tenant, item_id)).fetchone()
        return Entry(row[0], row[1], bool(row[2])) if row else None

    def remember(self, tenant: str, entries: Iterable[tuple[str, Entry]]) -> None:
        """Makes entries durable, in one transaction. An older generation never replaces a newer one."""
        rows = [(self._destination, tenant, name, e.digest, e.generation, e.withdrawn) for name, e in entries]
        with self._working() as connection, connection:
            connection.executemany(_UPSERT, rows)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def _working(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock:
                yield self._connection
        except sqlite3.Error as error:
            raise Unavailable(f"the publishing journal does not work: {error}") from error


class Seen:
    """Which names came by in this run, and with what. Lies in a temporary file, so that millions need no memory."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = OFF")
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, digest BLOB) WITHOUT ROWID")

    def before(self, name: str) -> bytes | None:
        """The digest that was noted with the name, or None."""
        row = self._connection.execute("SELECT digest FROM seen WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def note(self, name: str, digest: bytes = b"") -> None:
        self._connection.execute("INSERT OR REPLACE INTO seen VALUES (?, ?)", (name, digest))

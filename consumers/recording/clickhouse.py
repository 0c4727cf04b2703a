"""The engine: chDB in process, which is ClickHouse as a library, or a ClickHouse server by URL; the client is the same.

chDB lets one process at a time open a folder, so the process that records also answers questions. It does so through a
second client with settings of its own: read-only, with limits that no query can change.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import clickhouse_connect
import structlog
from clickhouse_connect.datatypes.registry import get_from_name
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DataError, Error

from consumers.recording import views
from consumers.recording.config import RecordingConfig
from consumers.recording.tables import Table, alterations, create_table, create_view, tables
from schemas.event import Event
from streams.errors import BadRecord, MillraceError, Misconfigured, Unavailable
from streams.stage import Incoming

logger = structlog.get_logger()

UNSTORABLE = frozenset({6, 27, 33, 53, 69, 131, 190, 349, 469})
"""Engine errors that are about the data of a block: parsing, types, ranges, sizes, NULL where none may be."""
DENIED = frozenset({192, 193, 194, 497, 516})
"""Engine errors about the user: unknown, wrong password, not allowed."""
BEYOND_LIMITS = frozenset({158, 159, 160, 241, 307, 396})
"""Engine errors about the limits of one question: rows, time, memory, bytes."""
OUT_OF_ORDER = frozenset({74, 75, 76, 202, 209, 210, 243})
"""Engine errors about files, connections and space."""

HERE = Path()
"""Stands for the data folder where a server is asked, which needs none."""

_CODES = re.compile(
    r"(Code: \d+\. )?DB::Exception: |\s*\((version [^()]*(\([^()]*\))?|[A-Z_]{4,}|for url [^()]*)\)\.?"
    r"|Received ClickHouse exception, code: \d+, server response: "
)
_LISTS = re.compile(r"Expected one of|: In scope SELECT formatQuery")


@dataclass(frozen=True)
class Engine:
    """An open engine: `writer` for the stage, `reader` for questions. Each client serves one thread at a time."""

    writer: Client
    reader: Client

    @classmethod
    def open(cls, config: RecordingConfig, folder: Path) -> Self:
        """Open the engine; `folder` holds the data of chDB and is not used with a server.

        Raises Unavailable if it does not answer, or if another process owns the folder.
        """
        with opening(config, folder):
            writer = _client(config, folder, settings={})
            try:
                _create_database(writer, config.database)
                return cls(writer, reading_client(config, folder))
            except BaseException:
                writer.close()  # else this process keeps the folder
                raise

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


def reading_client(config: RecordingConfig, folder: Path = HERE) -> Client:
    """A client that can only read, within the limits of the configuration. `readonly` comes last: it locks the rest."""
    limits: dict[str, Any] = {
        "max_execution_time": config.query_seconds,
        "max_memory_usage": config.query_memory_bytes,
        "session_timezone": "UTC",
    }
    client = _client(config, folder, limits)
    client.database = config.database
    client.set_client_setting("readonly", 1)
    return client


class ClickHouseTables:
    """The event tables of one database. Implements EventTables."""

    def __init__(self, client: Client, log_epoch: int = 0) -> None:
        """Creates what is missing: tables, columns, views. Raises Misconfigured where a column's type has changed."""
        self._client = client
        self._tables = tables(log_epoch=log_epoch)
        with engine_errors():
            self._fit()

    def insert(self, event_type: type[Event], rows: Sequence[Incoming]) -> None:
        table = self._tables[event_type]
        with engine_errors():
            self._client.insert(
                table.name,
                [[column.read(row) for row in rows] for column in table.columns],
                column_names=[column.name for column in table.columns],
                column_types=[get_from_name(column.type) for column in table.columns],
                column_oriented=True,
            )

    def _fit(self) -> None:
        existing = self._existing()
        for table in self._tables.values():
            for statement in _fitting(table, existing.get(table.name)):
                self._client.command(statement)
                logger.info("fitted", statement=statement.partition("\n")[0])
            self._client.command(create_view(table))
        for statement in views.create_statements():
            self._client.command(statement)

    def _existing(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        rows = self._client.query("SELECT table, name, type FROM system.columns WHERE database = currentDatabase()")
        for table, column, type_name in rows.result_rows:
            found.setdefault(table, {})[column] = type_name
        return found


def _fitting(table: Table, existing: Mapping[str, str] | None) -> list[str]:
    return [create_table(table)] if existing is None else alterations(table, existing)


def _client(config: RecordingConfig, folder: Path, settings: dict[str, Any]) -> Client:
    if config.embedded:
        folder.mkdir(parents=True, exist_ok=True)
        return clickhouse_connect.get_client(interface="chdb", path=str(folder), settings=settings, tz_mode="aware")
    address = urlsplit(config.url)
    return clickhouse_connect.get_client(
        interface=address.scheme,
        host=address.hostname,
        port=address.port or (8443 if address.scheme == "https" else 8123),
        username=config.user,
        password=config.password.get_secret_value(),
        settings=settings,
        autogenerate_session_id=False,
        tz_mode="aware",
    )


def _create_database(client: Client, name: str) -> None:
    """Asks first: a user may be allowed to use a database, but not to create one."""
    known = client.query("SELECT name FROM system.databases WHERE name = {name:String}", parameters={"name": name})
    if not known.result_rows:
        client.command(f"CREATE DATABASE IF NOT EXISTS {name}")
    client.database = name


@contextmanager
def opening(config: RecordingConfig, folder: Path = HERE) -> Iterator[None]:
    """Says what to do when the engine cannot be opened."""
    try:
        with engine_errors():
            yield
    except Unavailable as error:
        if not config.embedded:
            raise Unavailable(f"ClickHouse at {config.url} does not answer: {error}") from error
        raise Unavailable(
            f"the ClickHouse data in {folder} cannot be opened; one process at a time may have it open: {error}"
        ) from error


@contextmanager
def engine_errors() -> Iterator[None]:
    """Translates what the client and the engine raise, once."""
    try:
        yield
    except (DataError, UnicodeEncodeError, OverflowError, struct.error) as error:
        raise BadRecord("cannot_be_stored", str(error)[:200]) from error
    except ClickHouseError as error:
        raise _translated(error) from error
    except OSError as error:
        raise Unavailable(f"ClickHouse cannot write: {error}") from error


def _translated(error: ClickHouseError) -> MillraceError:
    """Not the data, not the user: then it is the state of the engine, and waiting loses nothing."""
    code = error.code if isinstance(error, Error) else None
    if code in UNSTORABLE:
        return BadRecord("cannot_be_stored", sentence(error))
    if code in DENIED:
        return Misconfigured(f"ClickHouse refuses the user of the settings: {sentence(error)}")
    return Unavailable(f"ClickHouse: {sentence(error)}")


def sentence(error: ClickHouseError) -> str:
    """What the engine says, without its code, its name for it and its version; cut where it begins to list."""
    words = _CODES.sub(" ", str(error))
    return " ".join(_LISTS.split(words)[0].split())[:300].rstrip(". ")

"""Opens the metadata database: SQLite on one machine, PostgreSQL where several machines share it.

Whoever uses the engine gets `Unavailable` while the database does not answer, is locked for too long or is full. On
SQLite every transaction takes the write lock when it begins, so that two of them never meet half-way; a reader that
wants none of it uses `engine.execution_options(reading=True)`.
"""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import InterfaceError, OperationalError

from models.metadata.config import MetadataConfig
from streams.errors import Misconfigured, Unavailable

DEAD_PEER = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""For libpq, in seconds but for the last one, which is in ms: a PostgreSQL whose machine or network is gone without a
word is noticed after 25 s. Else a statement would wait for its answer for two hours, or whoever sends for a quarter of
one. A server that is only busy acknowledges all of this by its kernel. The URL's own words have precedence."""


def open_engine(config: MetadataConfig) -> Engine:
    """The engine for a resolved configuration; connects at first use. Raises Misconfigured."""
    if not config.url:
        raise Misconfigured("metadata.url is empty; resolve it against the data folder first")
    url = make_url(config.url)
    if url.get_backend_name() == "sqlite":
        engine = _sqlite(url, config)
    elif url.get_backend_name() == "postgresql":
        engine = _postgresql(url, config)
    else:
        raise Misconfigured(f"metadata.url: {url.get_backend_name()} is not supported; use sqlite or postgresql")
    event.listen(engine, "handle_error", _translate)
    return engine


def _sqlite(url: URL, config: MetadataConfig) -> Engine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url.set(drivername="sqlite+pysqlite"),
        connect_args={"timeout": config.busy_timeout_s, "check_same_thread": False, "isolation_level": None},
        **_pool(url, config),
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _pool(url: URL, config: MetadataConfig) -> dict[str, int]:
    """A database in memory lives in its one connection, and has a pool of its own kind."""
    in_memory = not url.database or url.database == ":memory:"
    return {} if in_memory else {"pool_size": config.connections, "max_overflow": -1}


def _prepare_sqlite(connection: Any, _: object) -> None:
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _postgresql(url: URL, config: MetadataConfig) -> Engine:
    if config.password is not None:
        url = url.set(password=config.password.get_secret_value())
    options = f"-c lock_timeout={int(config.busy_timeout_s * 1000)}"
    noticed = {name: value for name, value in DEAD_PEER.items() if name not in url.query}
    return create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={"connect_timeout": config.connect_timeout_s, "options": options, **noticed},
        pool_pre_ping=True,
        pool_size=config.connections,
        max_overflow=-1,
    )


def _translate(context: ExceptionContext) -> None:
    error, cause = context.sqlalchemy_exception, context.original_exception
    wrong_statement = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR  # ours to mend, not to wait for
    if isinstance(error, OperationalError | InterfaceError) and not wrong_statement:
        reason = " ".join(str(cause).split())[:200]
        raise Unavailable(f"the metadata database does not answer: {reason}") from cause

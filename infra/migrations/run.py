"""`migrate`: all missing revisions in one transaction, under a lock that holds off other processes that start too.

Alembic is loaded only where there is something to do, as that takes longer than to look whether there is.
"""

import threading
from pathlib import Path

import structlog
from sqlalchemy import Connection, Engine, inspect, text

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from streams.errors import Misconfigured

logger = structlog.get_logger()

POSTGRES_LOCK = 0x6D696C6C72616365
"""Key of the advisory lock: "millrace" in ASCII."""

VERSION_TABLE = "alembic_version"
"""Alembic's name for the table of one row that holds the revision."""

_one_at_a_time = threading.Lock()
"""Alembic keeps the migration in progress in module variables."""


def open_migrated(config: MetadataConfig) -> Engine:
    """The engine for a resolved configuration, with all tables there. Raises as `migrate` does."""
    engine = open_engine(config)
    migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Creates or upgrades the tables; done already, it changes nothing. Safe when several processes start at once.

    Raises Unavailable while the database does not answer, Misconfigured if newer code has upgraded it.
    """
    with engine.connect().execution_options(reading=True) as connection:
        if _revision(connection) == head():
            return
    with _one_at_a_time, engine.begin() as connection:  # on SQLite this takes the write lock
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
        before = _revision(connection)
        _upgrade(connection)
        if (after := _revision(connection)) != before:
            logger.info("migrated", database=engine.url.render_as_string(), before=before, after=after)


def head() -> str:
    """The newest revision of this code: names of the files in `versions/` begin with theirs, and those only rise."""
    return max(file.name for file in (Path(__file__).parent / "versions").glob("[0-9]*.py")).partition("_")[0]


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Misconfigured(f"the metadata database is newer than this code ({error}); upgrade Millrace") from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    revision: str | None = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return revision

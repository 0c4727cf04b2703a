"""`migrate`: all missing revisions in one transaction, under a lock that holds off other processes that start too."""

import threading
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, text

from streams.errors import Misconfigured

logger = structlog.get_logger()

POSTGRES_LOCK = 0x6D696C6C72616365
"""Key of the advisory lock: "millrace" in ASCII."""

_one_at_a_time = threading.Lock()
"""Alembic keeps the migration in progress in module variables."""


def migrate(engine: Engine) -> None:
    """Creates or upgrades the tables; done already, it changes nothing. Safe when several processes start at once.

    Raises Unavailable while the database does not answer, Misconfigured if newer code has upgraded it.
    """
    with _one_at_a_time, engine.begin() as connection:  # on SQLite this takes the write lock
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
        before = _revision(connection)
        try:
            command.upgrade(_config(connection), "head")
        except CommandError as error:
            raise Misconfigured(f"the metadata database is newer than this code ({error}); upgrade Millrace") from error
        if (after := _revision(connection)) != before:
            logger.info("migrated", database=engine.url.render_as_string(), before=before, after=after)


def _config(connection: Connection) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()

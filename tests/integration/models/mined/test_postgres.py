from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.contract.mined_store import MinedStoreContract
from tests.integration.postgres import empty_database


class TestPostgres(MinedStoreContract):
    @pytest.fixture
    def engine(self, postgres_url: str) -> Iterator[Engine]:
        with empty_database(postgres_url) as engine:
            yield engine

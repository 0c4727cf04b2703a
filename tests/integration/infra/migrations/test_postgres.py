from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.contract.migrations import MigrationsContract
from tests.integration.postgres import empty_database


class TestMigrationsOfPostgres(MigrationsContract):
    @pytest.fixture
    def engine(self, postgres_url: str) -> Iterator[Engine]:
        with empty_database(postgres_url) as engine:
            yield engine

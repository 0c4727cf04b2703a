from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.faults.registry.claims import RegistryFaults
from tests.integration.postgres import empty_database


class TestPostgres(RegistryFaults):
    @pytest.fixture
    def engine(self, postgres_url: str) -> Iterator[Engine]:
        with empty_database(postgres_url) as engine:
            yield engine

"""The catalogue and the snapshots in a real PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.contract.item_catalogue import ItemCatalogueContract
from tests.contract.snapshot_store import SnapshotStoreContract
from tests.integration.postgres import empty_database


class TestCatalogueInPostgres(ItemCatalogueContract):
    @pytest.fixture
    def engine(self, postgres_url: str) -> Iterator[Engine]:
        with empty_database(postgres_url) as engine:
            yield engine


class TestSnapshotsInPostgres(SnapshotStoreContract):
    @pytest.fixture
    def engine(self, postgres_url: str) -> Iterator[Engine]:
        with empty_database(postgres_url) as engine:
            yield engine

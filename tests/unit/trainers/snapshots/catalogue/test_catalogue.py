import pytest
from sqlalchemy import Engine

from tests.contract.item_catalogue import ItemCatalogueContract
from tests.unit.trainers.snapshots.frozen import empty_engine


class TestCatalogueInSqlite(ItemCatalogueContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return empty_engine()

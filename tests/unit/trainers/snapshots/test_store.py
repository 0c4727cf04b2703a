import pytest
from sqlalchemy import Engine

from tests.contract.snapshot_store import SnapshotStoreContract
from tests.unit.trainers.snapshots.frozen import empty_engine


class TestSnapshotsInSqlite(SnapshotStoreContract):
    @pytest.fixture
    def engine(self) -> Engine:
        return empty_engine()

from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from tests.contract.mined_store import MinedStoreContract


class TestSqlite(MinedStoreContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return open_engine(MetadataConfig(url=f"sqlite:///{tmp_path / 'mined.sqlite'}"))

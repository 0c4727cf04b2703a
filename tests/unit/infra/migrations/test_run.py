from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from tests.contract.migrations import MigrationsContract


class TestMigrationsOfSqlite(MigrationsContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = open_engine(MetadataConfig(url=f"sqlite:///{tmp_path / 'm.sqlite'}"))
        yield engine
        engine.dispose()

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.metadata.tables import metadata
from tests.contract.idempotency_keys import IdempotencyKeysContract


class TestKeysInSqlite(IdempotencyKeysContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = open_engine(MetadataConfig(url=f"sqlite:///{tmp_path / 'm.sqlite'}"))
        metadata.create_all(engine)
        yield engine
        engine.dispose()

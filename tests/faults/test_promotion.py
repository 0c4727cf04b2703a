"""Four processes promote, and four train, while they are killed and held up: one winner each, and nobody else's work.

The same with the rules broken must be noticed. The suite is run on PostgreSQL too, by the integration tests.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from tests.faults.registry.claims import RegistryFaults


class TestSqlite(RegistryFaults):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = open_engine(MetadataConfig(url=f"sqlite:///{tmp_path / 'registry.sqlite'}"))
        yield engine
        engine.dispose()

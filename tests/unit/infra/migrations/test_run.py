from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from infra.migrations import run
from infra.migrations.run import head
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from tests.contract.migrations import MigrationsContract


class TestMigrationsOfSqlite(MigrationsContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        engine = open_engine(MetadataConfig(url=f"sqlite:///{tmp_path / 'm.sqlite'}"))
        yield engine
        engine.dispose()


def test_the_head_by_file_names_is_the_head_by_what_the_files_say() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(run.__file__).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == head()

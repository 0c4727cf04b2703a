"""Several processes that start at once on one file, as the workers of an installation do."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import inspect

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine

START = """
import sys
from infra.migrations.run import migrate
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
engine = open_engine(MetadataConfig(url=sys.argv[1]))
sys.stdin.readline()
migrate(engine)
"""


def test_processes_that_start_at_once_on_one_file_all_start(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'm.sqlite'}"
    starting = [
        subprocess.Popen([sys.executable, "-c", START, url], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in starting:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=120)[1] for process in starting]
    assert [process.returncode for process in starting] == [0] * 3, errors
    tables = inspect(open_engine(MetadataConfig(url=url))).get_table_names()
    assert {"alembic_version", "curation_items", "idempotency_keys"} <= set(tables)

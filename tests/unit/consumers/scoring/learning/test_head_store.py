from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.contract.scoring_stores import HeadStoreContract
from tests.unit.consumers.scoring.builders import MODEL, Bench, database


class TestHeadsInSqlite(HeadStoreContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return database(tmp_path)


def test_a_damaged_head_is_no_head(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench.engine.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO heads VALUES ('default', 'topic', ?, 5, x'00', '{\"questions\": [[null, 0]]}', 0)", (MODEL,)
        )
    assert bench.again().ticks(2) == []

from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.contract.scoring_stores import CandidateStoreContract, GenerationsContract
from tests.unit.consumers.scoring.builders import database


class TestCandidatesInSqlite(CandidateStoreContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return database(tmp_path)


class TestGenerationsInSqlite(GenerationsContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return database(tmp_path)

from pathlib import Path

import pytest
from sqlalchemy import Engine

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from tests.contract.registry import JobsContract, ModelsContract
from tests.contract.rollouts import (
    AnnouncementsContract,
    EvaluationsContract,
    GenerationsContract,
    RolloutsContract,
)


class Opened:
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return open_engine(MetadataConfig(url=f"sqlite:///{tmp_path / 'registry.sqlite'}"))


class TestSqliteModels(Opened, ModelsContract): ...


class TestSqliteJobs(Opened, JobsContract): ...


class TestSqliteGenerations(Opened, GenerationsContract): ...


class TestSqliteRollouts(Opened, RolloutsContract): ...


class TestSqliteEvaluations(Opened, EvaluationsContract): ...


class TestSqliteAnnouncements(Opened, AnnouncementsContract): ...

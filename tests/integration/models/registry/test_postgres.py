from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.contract.registry import JobsContract, ModelsContract
from tests.contract.rollouts import (
    AnnouncementsContract,
    EvaluationsContract,
    GenerationsContract,
    RolloutsContract,
)
from tests.integration.postgres import empty_database


class Opened:
    @pytest.fixture
    def engine(self, postgres_url: str) -> Iterator[Engine]:
        with empty_database(postgres_url) as engine:
            yield engine


class TestPostgresModels(Opened, ModelsContract): ...


class TestPostgresJobs(Opened, JobsContract): ...


class TestPostgresGenerations(Opened, GenerationsContract): ...


class TestPostgresRollouts(Opened, RolloutsContract): ...


class TestPostgresEvaluations(Opened, EvaluationsContract): ...


class TestPostgresAnnouncements(Opened, AnnouncementsContract): ...

"""The tables of scoring in a real PostgreSQL."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.contract.scoring_stores import CandidateStoreContract, GenerationsContract, HeadStoreContract
from tests.integration.postgres import empty_database, postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    with empty_database(postgres_url) as engine:
        yield engine


class TestCandidatesInPostgres(CandidateStoreContract): ...


class TestHeadsInPostgres(HeadStoreContract): ...


class TestGenerationsInPostgres(GenerationsContract): ...

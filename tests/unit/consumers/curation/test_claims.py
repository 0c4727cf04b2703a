"""Claims in SQLite, and against the simplest model of them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from consumers.curation.claims import Claims
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from streams.errors import Unavailable
from tests.unit.consumers.curation.claims_contract import ClaimsContract, request, rulings, settle


class TestClaimsInSqlite(ClaimsContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return open_engine(MetadataConfig(url=f"sqlite:///{tmp_path}/claims.sqlite"))


def test_a_locked_database_is_unavailable_and_nothing_has_changed(tmp_path: Path) -> None:
    engine = open_engine(MetadataConfig(url=f"sqlite:///{tmp_path}/claims.sqlite", busy_timeout_s=0.01))
    claims = Claims(engine)
    claims.create_tables()
    with engine.begin(), pytest.raises(Unavailable):
        settle(claims, request("a", 1, "1" * 64))
    assert rulings(settle(claims, request("b", 2, "1" * 64))) == ["None False"]


class Model:
    """Claims as one would explain them: what every live item owns."""

    def __init__(self) -> None:
        self.live: dict[str, str] = {}

    def rule(self, item_id: str, content: str | None) -> str:
        """The ruling on a version that is newer than all before."""
        owner = next((one for one, owned in self.live.items() if owned == content and one != item_id), None)
        was_live = self.live.pop(item_id, None) is not None
        if content is not None and owner is None:
            self.live[item_id] = content
        return f"{owner} {was_live and item_id not in self.live}"


WANTED = st.tuples(st.sampled_from("abc"), st.sampled_from([None, "1" * 64, "2" * 64, "3" * 64]))


@given(st.lists(WANTED, max_size=30), st.lists(st.integers(1, 6), min_size=30, max_size=30))
def test_however_records_are_cut_into_batches_claims_rule_as_the_model(
    records: list[tuple[str, str | None]], sizes: list[int]
) -> None:
    claims, model = Claims(open_engine(MetadataConfig(url="sqlite:///:memory:"))), Model()
    claims.create_tables()
    requests = [request(item_id, version, content) for version, (item_id, content) in enumerate(records)]
    ruled: list[str] = []
    for size in sizes:
        ruled += rulings(settle(claims, *requests[len(ruled) : len(ruled) + size]))
    assert ruled == [model.rule(item_id, content) for item_id, content in records]

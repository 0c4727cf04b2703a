"""What the store of mined examples must do in every database. Subclasses say how to open an empty one."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from models.mined.store import MinedStore
from models.mined.tables import metadata
from schemas.signals import HardNegativeMined, QueryFailed


def at(second: int) -> datetime:
    return datetime.fromtimestamp(1_790_000_000 + second, UTC)


def failed(text: str = "quiet rivers", second: int = 0, **fields: Any) -> QueryFailed:
    said = {"window_s": 60, "revision": 1, "searches": 1, "failures": 1, "model_version": "m-1"}
    return QueryFailed(query_text=text, window_start=at(second), **(said | fields))


def negative(number: int, second: int = 0, **fields: Any) -> HardNegativeMined:
    said = {
        "positive_id": "a",
        "positive_version": 1,
        "negative_id": "b",
        "negative_version": 2,
        "model_version": "m-1",
    }
    return HardNegativeMined(event_id=UUID(int=number), occurred_at=at(second), query_text="q", **(said | fields))


class MinedStoreContract:
    """Subclasses provide the fixture `engine`: an empty database."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def store(self, engine: Engine) -> MinedStore:
        metadata.create_all(engine)
        return MinedStore(engine)

    def test_what_is_kept_is_read_back(self, store: MinedStore) -> None:
        store.keep([failed(searches=3, failures=2)], [negative(1, weight=0.5)])
        [query], [pair] = store.failed_queries("default"), store.hard_negatives("default")
        assert (query.query_text, query.searches, query.failures, query.model_version) == ("quiet rivers", 3, 2, "m-1")
        assert (pair.positive_id, pair.negative_id, pair.negative_version, pair.weight) == ("a", "b", 2, 0.5)
        assert pair.event_id == UUID(int=1)

    def test_what_is_kept_again_is_there_once(self, store: MinedStore) -> None:
        for _ in range(2):
            store.keep([failed(), failed()], [negative(1), negative(1)])
        assert store.counts("default") == (1, 1)

    def test_a_later_measurement_replaces_an_earlier_one_whatever_their_order(self, store: MinedStore) -> None:
        for revision in (2, 5, 3):
            store.keep([failed(revision=revision, searches=revision)], [])
        assert [query.searches for query in store.failed_queries("default")] == [5]

    def test_within_a_batch_the_latest_counts(self, store: MinedStore) -> None:
        store.keep([failed(revision=5, searches=5), failed(revision=2, searches=2)], [])
        assert [query.searches for query in store.failed_queries("default")] == [5]

    def test_other_windows_words_models_and_tenants_are_rows_of_their_own(self, store: MinedStore) -> None:
        store.keep([failed(), failed(second=60), failed("x"), failed(model_version="m-2"), failed(tenant="t")], [])
        assert (store.counts("default"), store.counts("t")) == ((4, 0), (1, 0))

    def test_pages_follow_each_other_without_gap_or_repetition(self, store: MinedStore) -> None:
        store.keep([], [negative(number, second=number // 3) for number in range(10)])
        first = store.hard_negatives("default", limit=4)
        store.keep([], [negative(99, second=9)])
        rest = store.hard_negatives("default", after=first[-1].place)
        assert [pair.event_id.int for pair in first + rest] == [*range(10), 99]

    def test_a_tenant_reads_its_own(self, store: MinedStore) -> None:
        store.keep([failed(tenant="red")], [negative(1, tenant="red")])
        assert store.failed_queries("blue") == []
        assert store.hard_negatives("blue") == []

    def test_examples_of_one_model_can_be_asked_for(self, store: MinedStore) -> None:
        store.keep([failed(), failed(model_version="m-2")], [negative(1), negative(2, model_version="m-2")])
        assert len(store.failed_queries("default", model_version="m-2")) == 1
        assert [pair.event_id.int for pair in store.hard_negatives("default", model_version="m-2")] == [2]

    def test_a_page_has_a_row_at_least_and_no_more_than_allowed(self, store: MinedStore) -> None:
        store.keep([], [negative(1), negative(2)])
        assert len(store.hard_negatives("default", limit=0)) == 1
        assert len(store.hard_negatives("default", limit=10**9)) == 2

    def test_words_that_no_database_can_hold_are_held_without_what_it_cannot(self, store: MinedStore) -> None:
        store.keep([failed("a\0b")], [])
        assert [query.query_text for query in store.failed_queries("default")] == ["ab"]

    def test_what_is_old_can_be_forgotten(self, store: MinedStore) -> None:
        store.keep([failed(), failed(second=60)], [negative(1), negative(2, second=60)])
        assert store.forget_before(at(60)) == 2
        assert store.counts("default") == (1, 1)

"""What every vector index must do, whatever engine it stands on."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.vector_index.port import (
    MAX_VERSION,
    Applied,
    Candidate,
    Entry,
    Head,
    IndexQuery,
    VectorIndex,
)
from schemas.items import Modality
from schemas.searches import SearchFilters
from tests.contract.indexed import DIM, EAST, NORTH, SPACE, UP, content, direction, next_tenant, part, texts
from tests.contract.near_items import NearItemsContract


def ids(candidates: Sequence[Candidate]) -> list[str]:
    return [candidate.item_id for candidate in candidates]


class VectorIndexContract(NearItemsContract):
    """The module of a subclass gives the fixture `index`, which tests may share: each test is a tenant of its own."""

    deliveries = 100
    """Random deliveries that are tried."""

    def by_words(self, index: VectorIndex, tenant: str, text: str, **fields: object) -> list[Candidate]:
        return index.search(IndexQuery(tenant, SPACE, **{"limit": 10, "text": text, **fields}))  # type: ignore[arg-type]

    def by_meaning(self, index: VectorIndex, tenant: str, *numbers: float, **fields: object) -> list[Candidate]:
        vector = direction(*numbers)
        return index.search(IndexQuery(tenant, SPACE, **{"limit": 10, "vector": vector, **fields}))  # type: ignore[arg-type]

    # Finding

    def test_an_item_is_found_by_meaning_the_nearest_first(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "east", 1, content(part(vector=EAST)))])
        index.apply([Entry(tenant, "north", 1, content(part(vector=NORTH)))])
        assert ids(self.by_meaning(index, tenant, 0.1, 1, 0, 0)) == ["north", "east"]

    def test_an_item_is_found_by_words_the_rarer_word_first(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("the mill")), Entry(tenant, "race", 1, texts("the race"))])
        index.apply([Entry(tenant, f"other-{n}", 1, texts("the wheel")) for n in range(3)])
        assert ids(self.by_words(index, tenant, "the mill"))[0] == "mill"

    def test_words_that_no_item_has_find_nothing(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("the mill"))])
        assert self.by_words(index, tenant, "zebra") == []

    def test_a_query_without_any_word_finds_nothing_by_words(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("the mill"))])
        assert self.by_words(index, tenant, "?!") == []

    def test_an_item_whose_text_has_no_words_is_found_by_meaning(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "smile", 1, texts("🙂"))])
        assert ids(self.by_meaning(index, tenant, *EAST, text="🙂")) == ["smile"]

    def test_both_rankings_together_prefer_what_both_find(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "meaning", 1, content(part("wheel", EAST)))])
        index.apply([Entry(tenant, "both", 1, content(part("mill", (1, 0.1, 0, 0))))])
        assert ids(self.by_meaning(index, tenant, *EAST, text="mill")) == ["both", "meaning"]

    def test_weights_decide_which_ranking_wins(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "near", 1, content(part("wheel", EAST)))])
        index.apply([Entry(tenant, "worded", 1, content(part("mill", UP)))])
        found = self.by_meaning(index, tenant, *EAST, text="mill", vector_weight=0.01, keyword_weight=1.0)
        assert ids(found) == ["worded", "near"]
        found = self.by_meaning(index, tenant, *EAST, text="mill", vector_weight=1.0, keyword_weight=0.0)
        assert ids(found) == ["near", "worded"]

    def test_an_item_of_many_parts_is_found_once_by_its_best(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "book", 1, content(part("one", UP), part("two", EAST), part("three", NORTH)))])
        [book] = self.by_meaning(index, tenant, *EAST)
        assert (book.item_id, book.part, book.text) == ("book", 1, "two")

    def test_a_long_item_does_not_crowd_out_the_others(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "long", 1, content(*(part("mill", EAST) for _ in range(150))))])
        index.apply([Entry(tenant, "short", 1, content(part("mill and more", NORTH)))])
        assert ids(self.by_meaning(index, tenant, *EAST, text="mill", limit=2)) == ["long", "short"]

    def test_no_more_items_than_asked_for(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, f"item-{n}", 1, texts("mill")) for n in range(5)])
        assert len(self.by_words(index, tenant, "mill", limit=3)) == 3

    def test_what_was_found_carries_what_was_given(self, index: VectorIndex, tenant: str) -> None:
        given_content = content(
            part("a dog", EAST), modality=Modality.IMAGE, source="zoo", language="en", tags=("a", "b"),
            nsfw_flag=False, uri="media/ab/cd",
        )  # fmt: skip
        index.apply([Entry(tenant, "dog", 7, given_content)])
        [found] = self.by_words(index, tenant, "dog", with_vectors=True)
        assert found.vector is not None
        np.testing.assert_allclose(found.vector, EAST, atol=1e-6)
        assert (found.version, found.modality, found.source, found.language) == (7, Modality.IMAGE, "zoo", "en")
        assert (found.tags, found.nsfw_flag, found.uri, found.text) == (("a", "b"), False, "media/ab/cd", "a dog")

    def test_untrained_vectors_are_no_neighbours_but_their_words_are_found(
        self, index: VectorIndex, tenant: str
    ) -> None:
        index.apply([Entry(tenant, "raw", 1, content(part("a dog", EAST, untrained=True)))])
        assert self.by_meaning(index, tenant, *EAST) == []
        [found] = self.by_words(index, tenant, "dog", with_vectors=True)
        assert (found.item_id, found.vector) == ("raw", None)

    def test_a_space_that_does_not_exist_has_no_neighbours(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("mill"))])
        assert index.search(IndexQuery(tenant, "no-such-model", 10, vector=direction(*EAST))) == []

    def test_a_space_keeps_the_dimension_it_began_with(self, index: VectorIndex) -> None:
        assert index.ensure_space("keeps", 3) == 3
        assert index.ensure_space("keeps", 5) == 3

    def test_names_of_models_may_be_anything(self, index: VectorIndex, tenant: str) -> None:
        name = f"../org/model:{tenant} é"
        assert index.ensure_space(name, DIM) == DIM
        index.apply([Entry(tenant, "mill", 1, content(part(), model_version=name))])
        assert ids(index.search(IndexQuery(tenant, name, 10, vector=direction(*EAST)))) == ["mill"]

    # Who may find what

    def test_no_tenant_finds_another_tenants_items(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("mill"))])
        assert self.by_meaning(index, f"{tenant}-other", *EAST, text="mill") == []
        assert index.head(f"{tenant}-other", "mill") is None
        assert index.count(f"{tenant}-other") == 0

    def test_two_tenants_may_name_their_items_alike(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("ours")), Entry(f"{tenant}-other", "mill", 9, texts("theirs"))])
        assert [found.version for found in self.by_words(index, tenant, "ours theirs")] == [1]

    @pytest.mark.parametrize(
        ("filters", "expected"),
        [
            (SearchFilters(), {"plain", "german", "unsafe", "safe"}),
            (SearchFilters(language=("de",)), {"german"}),
            (SearchFilters(language=("de", "en")), {"german", "unsafe"}),
            (SearchFilters(modality=(Modality.IMAGE,)), {"unsafe"}),
            (SearchFilters(source=("zoo",)), {"german", "unsafe"}),
            (SearchFilters(source=("zoo",), language=("en",)), {"unsafe"}),
            (SearchFilters(tags=("b",)), {"german", "safe"}),
            (SearchFilters(nsfw_flag=True), {"unsafe"}),
            (SearchFilters(nsfw_flag=False), {"plain", "german", "safe"}),
            (SearchFilters(source=("nowhere",)), set()),
        ],
        ids=lambda value: "" if isinstance(value, set) else value.model_dump_json(exclude_defaults=True),
    )
    def test_filters_choose_in_both_rankings(
        self, index: VectorIndex, tenant: str, filters: SearchFilters, expected: set[str]
    ) -> None:
        entries = {
            "plain": texts("mill"),
            "german": content(part("mill"), language="de", source="zoo", tags=("a", "b")),
            "unsafe": content(part("mill"), language="en", source="zoo", nsfw_flag=True, modality=Modality.IMAGE),
            "safe": content(part("mill"), tags=("b",), nsfw_flag=False),
        }
        index.apply([Entry(tenant, name, 1, given_content) for name, given_content in entries.items()])
        assert set(ids(self.by_words(index, tenant, "mill", filters=filters))) == expected
        assert set(ids(self.by_meaning(index, tenant, *EAST, filters=filters))) == expected

    # Versions

    def test_a_newer_version_replaces_the_older(self, index: VectorIndex, tenant: str) -> None:
        assert index.apply([Entry(tenant, "mill", 1, texts("old"))]) == [Applied.WRITTEN]
        assert index.apply([Entry(tenant, "mill", 2, texts("new"))]) == [Applied.WRITTEN]
        assert self.by_words(index, tenant, "old") == []
        assert ids(self.by_words(index, tenant, "new")) == ["mill"]
        assert index.head(tenant, "mill") == Head(2, 1, SPACE)

    def test_an_older_version_that_comes_late_changes_nothing(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 2, texts("new"))])
        assert index.apply([Entry(tenant, "mill", 1, texts("old"))]) == [Applied.STALE]
        assert self.by_words(index, tenant, "old") == []

    def test_an_older_version_with_more_parts_leaves_none_of_them(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 2, texts("new"))])
        index.apply([Entry(tenant, "mill", 1, texts("old a", "old b", "old c"))])
        assert self.by_words(index, tenant, "old") == []

    def test_a_newer_version_with_fewer_parts_removes_the_rest(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("old a", "old b", "old c"))])
        index.apply([Entry(tenant, "mill", 2, texts("new"))])
        assert self.by_words(index, tenant, "old") == []
        assert index.head(tenant, "mill") == Head(2, 1, SPACE)

    def test_parts_that_were_removed_can_come_back(self, index: VectorIndex, tenant: str) -> None:
        for version, words in enumerate((("a", "b"), ("c",), ("d", "e"))):
            index.apply([Entry(tenant, "mill", version, texts(*words))])
        assert [self.by_words(index, tenant, word) != [] for word in "abcde"] == [False, False, False, True, True]

    def test_a_redelivery_changes_nothing(self, index: VectorIndex, tenant: str) -> None:
        entry = Entry(tenant, "mill", 3, texts("mill", "race"))
        index.apply([entry])
        assert index.apply([entry, entry]) == [Applied.IN_EFFECT, Applied.IN_EFFECT]
        assert index.count(tenant) == 1

    def test_the_highest_version_of_a_batch_counts_in_any_order(self, index: VectorIndex, tenant: str) -> None:
        batch = [Entry(tenant, "mill", version, texts(f"w{version}")) for version in (2, 3, 1, 3)]
        assert index.apply(batch) == [Applied.STALE, Applied.WRITTEN, Applied.STALE, Applied.IN_EFFECT]
        assert [self.by_words(index, tenant, f"w{version}") != [] for version in (1, 2, 3)] == [False, False, True]

    def test_items_far_apart_in_version_share_a_batch(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "late", 10_000, texts("x")), Entry(tenant, "early", 1, texts("y"))])
        batch = [Entry(tenant, "early", 2, texts("y2")), Entry(tenant, "late", 10_001, texts("x2"))]
        assert index.apply(batch) == [Applied.WRITTEN, Applied.WRITTEN]
        assert index.apply([Entry(tenant, "late", 9_999, texts("x")), batch[0]]) == [Applied.STALE, Applied.IN_EFFECT]

    def test_the_largest_versions_are_told_apart(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", MAX_VERSION - 1, texts("old"))])
        assert index.apply([Entry(tenant, "mill", MAX_VERSION, texts("new"))]) == [Applied.WRITTEN]
        assert ids(self.by_words(index, tenant, "new")) == ["mill"]

    # Withdrawals

    def test_a_withdrawn_item_is_not_found_again(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("mill", "race"))])
        assert index.apply([Entry(tenant, "mill", 2, None)]) == [Applied.WRITTEN]
        assert self.by_meaning(index, tenant, *EAST, text="mill race") == []
        assert index.head(tenant, "mill") == Head(2, 0, None)
        assert index.count(tenant) == 0

    def test_no_older_version_brings_a_withdrawn_item_back(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("mill"))])
        index.apply([Entry(tenant, "mill", 3, None)])
        late = [Entry(tenant, "mill", 1, texts("mill")), Entry(tenant, "mill", 2, texts("mill", "race"))]
        assert index.apply(late) == [Applied.STALE, Applied.STALE]
        assert self.by_words(index, tenant, "mill race") == []

    def test_a_withdrawal_that_overtakes_its_item_holds(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 2, None)])
        assert index.apply([Entry(tenant, "mill", 1, texts("mill"))]) == [Applied.STALE]
        assert self.by_words(index, tenant, "mill") == []

    def test_a_late_withdrawal_does_not_touch_a_newer_version(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 2, texts("mill"))])
        assert index.apply([Entry(tenant, "mill", 1, None)]) == [Applied.STALE]
        assert ids(self.by_words(index, tenant, "mill")) == ["mill"]

    def test_a_withdrawal_takes_content_of_its_own_version_out(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 5, texts("wheel"))])
        assert index.apply([Entry(tenant, "mill", 5, None)]) == [Applied.WRITTEN]
        assert index.apply([Entry(tenant, "mill", 5, texts("wheel"))]) == [Applied.STALE]
        assert index.count(tenant) == 0

    def test_a_withdrawal_below_a_version_does_not_stand_in_its_way(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 5, None)])
        assert index.apply([Entry(tenant, "mill", 6, texts("wheel"))]) == [Applied.WRITTEN]
        assert index.count(tenant) == 1

    def test_an_item_published_again_after_its_withdrawal_lives(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("mill", "race"))])
        index.apply([Entry(tenant, "mill", 2, None), Entry(tenant, "mill", 3, texts("wheel"))])
        assert ids(self.by_words(index, tenant, "mill race wheel")) == ["mill"]
        assert self.by_words(index, tenant, "race") == []
        assert index.count(tenant) == 1

    # Being an index

    def test_an_empty_batch_is_nothing_to_do(self, index: VectorIndex) -> None:
        assert index.apply([]) == []

    def test_it_counts_items_of_one_tenant_and_of_all(self, index: VectorIndex, tenant: str) -> None:
        before = index.count()
        index.apply([Entry(tenant, "a", 1, texts("x", "y")), Entry(f"{tenant}-other", "b", 1, texts("x"))])
        assert (index.count(tenant), index.count() - before) == (1, 2)

    def test_it_is_ready(self, index: VectorIndex) -> None:
        assert index.ready() is None

    def test_flushing_changes_nothing(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "mill", 1, texts("mill"))])
        index.flush()
        assert ids(self.by_words(index, tenant, "mill")) == ["mill"]

    def test_any_delivery_ends_with_the_highest_version_of_each_item(self, index: VectorIndex) -> None:
        index.ensure_space(SPACE, DIM)

        @settings(max_examples=self.deliveries)
        @given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 6)), max_size=6), max_size=8))
        def deliver(batches: list[list[tuple[int, int]]]) -> None:
            tenant = next_tenant()
            delivered: set[tuple[int, int]] = set()
            for batch in batches:
                index.apply([_entry(tenant, item, version) for item, version in batch])
                delivered |= set(batch)
                self.check(index, tenant, delivered)

        deliver()

    def check(self, index: VectorIndex, tenant: str, delivered: set[tuple[int, int]]) -> None:
        """What can be found is the highest version of each item, and nothing of any other."""
        truth = {item: max(version for one, version in delivered if one == item) for item, _ in delivered}
        alive = {(item, version) for item, version in truth.items() if _parts(version)}
        assert {item: _version(index.head(tenant, f"item-{item}")) for item in truth} == truth
        assert {one for one in delivered if self.by_words(index, tenant, f"i{one[0]}v{one[1]}")} == alive
        assert len(self.by_meaning(index, tenant, *EAST)) == len(alive) == index.count(tenant)


def _parts(version: int) -> int:
    """Parts of a version, some of them withdrawals: more and fewer in turn, so that versions leave surplus behind."""
    return (2, 4, 1, 0, 3, 1, 2)[version]


def _entry(tenant: str, item: int, version: int) -> Entry:
    words = [f"i{item}v{version} p{number}" for number in range(_parts(version))]
    return Entry(tenant, f"item-{item}", version, texts(*words) if words else None)


def _version(head: Head | None) -> int | None:
    return head.version if head else None

"""What spaces side by side must do, whatever engine they stand on, and what they are made of in tests."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.vector_index.port import Applied, Entry, IndexQuery
from models.vector_index.spaces import VectorSpaces
from models.vector_index.spaces.port import Ground
from streams.errors import Misconfigured, Unavailable
from tests.contract.indexed import DIM, EAST, content, direction, part

BLUE, GREEN, GREY = "blue-1", "green-2", "grey-0"


class Wanted:
    """What a registry would say; `known` may lag behind `now`."""

    def __init__(self, *versions: str) -> None:
        self.now = self.known = versions
        self.asked = 0

    def written(self) -> tuple[str, ...]:
        return self.known

    def written_now(self) -> tuple[str, ...]:
        self.asked += 1
        self.known = self.now
        return self.known

    def live(self) -> str:
        return self.known[0]


def spaced(ground: Ground, wanted: Wanted) -> VectorSpaces:
    return VectorSpaces(ground, wanted.live, wanted.written, wanted.written_now)


def written(item_id: str, version: int, space: str, words: str = "mill") -> Entry:
    return Entry("t", item_id, version, content(part(words), model_version=space))


def withdrawn(item_id: str, version: int) -> Entry:
    return Entry("t", item_id, version, None)


def found(spaces: VectorSpaces, space: str, words: str = "mill") -> dict[str, int]:
    """Items and versions that words find in a space."""
    return {one.item_id: one.version for one in spaces.search(IndexQuery("t", space, 50, text=words))}


class VectorSpacesContract:
    """The module of a subclass gives the fixture `make`: the ground of a deployment, each time as after a restart."""

    @pytest.fixture
    def ground(self, make: Callable[[], Ground]) -> Ground:
        return make()

    @pytest.fixture
    def wanted(self) -> Wanted:
        return Wanted(BLUE, GREEN)

    @pytest.fixture
    def spaces(self, ground: Ground, wanted: Wanted) -> VectorSpaces:
        return both(spaced(ground, wanted))

    def test_content_is_found_in_the_space_of_its_model_alone(self, spaces: VectorSpaces) -> None:
        assert spaces.apply([written("a", 1, BLUE), written("b", 1, GREEN)]) == [Applied.WRITTEN] * 2
        assert (found(spaces, BLUE), found(spaces, GREEN)) == ({"a": 1}, {"b": 1})

    def test_neither_words_nor_vectors_of_another_space_are_ever_found(self, spaces: VectorSpaces) -> None:
        spaces.apply([written("a", 1, GREEN)])
        query = IndexQuery("t", BLUE, 10, vector=direction(*EAST), text="mill")
        assert spaces.search(query) == []
        assert spaces.vectors("t", BLUE, ["a"]) == {}

    def test_the_same_version_is_written_in_each_space(self, spaces: VectorSpaces) -> None:
        assert spaces.apply([written("a", 1, BLUE), written("a", 1, GREEN)]) == [Applied.WRITTEN] * 2
        assert spaces.apply([written("a", 1, GREEN), written("a", 1, BLUE)]) == [Applied.IN_EFFECT] * 2

    def test_a_withdrawal_reaches_every_space(self, spaces: VectorSpaces) -> None:
        spaces.apply([written("a", 1, BLUE), written("a", 1, GREEN)])
        assert spaces.apply([withdrawn("a", 2)]) == [Applied.WRITTEN]
        assert (found(spaces, BLUE), found(spaces, GREEN)) == ({}, {})

    def test_the_live_space_says_what_a_withdrawal_did(self, spaces: VectorSpaces) -> None:
        spaces.apply([written("a", 3, BLUE), written("a", 1, GREEN), written("b", 1, BLUE), written("b", 3, GREEN)])
        assert spaces.apply([withdrawn("a", 2), withdrawn("b", 2)]) == [Applied.STALE, Applied.WRITTEN]
        assert (found(spaces, BLUE), found(spaces, GREEN)) == ({"a": 3}, {"b": 3})

    def test_a_batch_means_what_its_entries_mean_one_by_one(self, spaces: VectorSpaces) -> None:
        batch = [written("a", 1, BLUE), written("a", 1, GREEN), withdrawn("a", 2), written("a", 3, GREEN)]
        assert spaces.apply(batch) == [Applied.STALE, Applied.STALE, Applied.WRITTEN, Applied.WRITTEN]
        assert (found(spaces, BLUE), found(spaces, GREEN)) == ({}, {"a": 3})

    def test_a_space_that_is_wanted_hears_of_withdrawals_before_it_has_content(
        self, ground: Ground, wanted: Wanted
    ) -> None:
        spaces = spaced(ground, wanted)
        spaces.apply([withdrawn("a", 2)])
        assert spaces.ensure_space(GREEN, DIM) == DIM
        assert spaces.apply([written("a", 1, GREEN)]) == [Applied.STALE]
        assert found(spaces, GREEN) == {}

    def test_a_space_that_was_opened_hears_of_withdrawals(self, ground: Ground) -> None:
        wanted = Wanted(BLUE)
        spaces = spaced(ground, wanted)
        spaces.open(GREEN)
        spaces.apply([withdrawn("a", 2)])
        wanted.now = (BLUE, GREEN)
        spaces.ensure_space(GREEN, DIM)
        assert spaces.apply([written("a", 1, GREEN)]) == [Applied.STALE]

    def test_content_that_nobody_wants_leaves_no_trace(self, spaces: VectorSpaces) -> None:
        assert spaces.ensure_space(GREY, 7) == 7
        assert spaces.apply([written("a", 1, GREY)]) == [Applied.STALE]
        assert spaces.spaces() == (BLUE, GREEN)

    def test_a_version_that_is_news_is_asked_for_before_it_is_refused(self, ground: Ground) -> None:
        wanted = Wanted(BLUE)
        spaces = spaced(ground, wanted)
        wanted.now = (BLUE, GREEN)
        assert spaces.ensure_space(GREEN, DIM) == DIM
        assert spaces.apply([written("a", 1, GREEN)]) == [Applied.WRITTEN]
        assert wanted.asked == 1

    def test_searching_a_space_that_is_not_kept_is_refused_rather_than_answered(self, spaces: VectorSpaces) -> None:
        with pytest.raises(Unavailable, match="not kept"):
            found(spaces, GREY)

    def test_what_names_no_space_is_asked_of_the_live_one(self, spaces: VectorSpaces, wanted: Wanted) -> None:
        spaces.apply([written("a", 1, BLUE), written("a", 2, GREEN), written("b", 1, GREEN)])
        assert (spaces.count(), head(spaces)) == (1, (1, BLUE))
        wanted.known = (GREEN, BLUE)
        assert (spaces.count("t"), head(spaces)) == (2, (2, GREEN))

    def test_a_space_that_is_dropped_is_gone(self, spaces: VectorSpaces, wanted: Wanted) -> None:
        spaces.apply([written("a", 1, BLUE), written("a", 1, GREEN)])
        wanted.now = wanted.known = (BLUE,)
        assert spaces.drop(GREEN)
        assert spaces.spaces() == (BLUE,)
        assert found(spaces, BLUE) == {"a": 1}
        with pytest.raises(Unavailable):
            found(spaces, GREEN)

    def test_content_on_its_way_does_not_bring_a_dropped_space_back(self, spaces: VectorSpaces, wanted: Wanted) -> None:
        wanted.now = wanted.known = (BLUE,)
        spaces.drop(GREEN)
        spaces.ensure_space(GREEN, DIM)
        assert spaces.apply([written("a", 1, GREEN), withdrawn("a", 2)]) == [Applied.STALE, Applied.WRITTEN]
        assert spaces.spaces() == (BLUE,)

    def test_a_space_that_comes_back_is_empty(self, spaces: VectorSpaces) -> None:
        spaces.apply([written("a", 1, GREEN)])
        spaces.drop(GREEN)
        spaces.ensure_space(GREEN, DIM)
        assert found(spaces, GREEN) == {}

    def test_the_live_space_cannot_be_dropped(self, spaces: VectorSpaces) -> None:
        with pytest.raises(Misconfigured, match="serves"):
            spaces.drop(BLUE)
        assert BLUE in spaces.spaces()

    def test_dropping_what_is_not_there_is_nothing_to_do(self, spaces: VectorSpaces) -> None:
        assert not spaces.drop(GREY)

    def test_every_space_is_there_after_a_restart(self, make: Callable[[], Ground], spaces: VectorSpaces) -> None:
        spaces.apply([written("a", 1, BLUE), written("b", 1, GREEN)])
        spaces.close()
        again = spaced(make(), Wanted(GREEN, BLUE))
        assert again.spaces() == (BLUE, GREEN)
        assert (found(again, BLUE), found(again, GREEN)) == ({"a": 1}, {"b": 1})

    def test_names_of_models_come_back_as_they_were(self, make: Callable[[], Ground]) -> None:
        odd = "../org/model: é"
        spaced(make(), Wanted(odd)).open(odd)
        again = spaced(make(), Wanted(BLUE))
        assert again.spaces() == (odd,)
        assert again.drop(odd)
        assert again.spaces() == ()

    def test_a_closed_index_says_so(self, spaces: VectorSpaces) -> None:
        spaces.close()
        assert spaces.ready() == "the vector index is closed"
        with pytest.raises(Unavailable):
            found(spaces, BLUE)

    def test_a_search_under_way_is_whole_when_its_space_is_dropped(self, spaces: VectorSpaces) -> None:
        """Searchers never stop; each answer is all items or a refusal, never some of them and never a crash."""
        for _ in range(self.drops):
            spaces.open(GREEN)
            spaces.ensure_space(GREEN, DIM)
            spaces.apply([written(f"item-{n}", 1, GREEN) for n in range(20)])
            stop = threading.Event()
            with ThreadPoolExecutor(3) as threads:
                searches = [threads.submit(self.searched, spaces, stop) for _ in range(3)]
                spaces.drop(GREEN)
                stop.set()
                assert {count for search in searches for count in search.result(60)} <= {0, 20}

    drops = 10
    """How often that is tried."""

    def searched(self, spaces: VectorSpaces, stop: threading.Event) -> set[int]:
        counts = {len(found(spaces, GREEN))}
        while not stop.is_set():
            counts.add(len(found(spaces, GREEN)))
        return counts


def both(spaces: VectorSpaces) -> VectorSpaces:
    """With both spaces made."""
    assert (spaces.ensure_space(BLUE, DIM), spaces.ensure_space(GREEN, DIM)) == (DIM, DIM)
    return spaces


def head(spaces: VectorSpaces) -> tuple[int, str | None] | None:
    found = spaces.head("t", "a")
    return (found.version, found.model_version) if found else None

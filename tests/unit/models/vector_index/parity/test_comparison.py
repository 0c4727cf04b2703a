"""Two spaces side by side, and what is said of them."""

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from qdrant_client import QdrantClient

from models.vector_index.config import VectorIndexConfig
from models.vector_index.parity import compare, comparison, recall_against_exact
from models.vector_index.parity.walks import counted
from models.vector_index.port import Census, Content, Entry, Near, Part
from models.vector_index.server.ground import ServerGround
from models.vector_index.spaces import VectorSpaces
from schemas.items import Modality

BLUE, GREEN, DIM = "blue-1", "green-2", 8


class Watched(VectorSpaces):
    """Something happens while it is walked, or it finds less than there is."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)
    forgets = 0

    def census(self, model_version: str, limit: int, after: str | None = None) -> Census:
        found = super().census(model_version, 3, after)
        self.meanwhile()
        return found

    def neighbours(
        self, tenant: str, model_version: str, modality: Modality, vectors: Sequence[NDArray[np.float32]], limit: int
    ) -> list[list[Near]]:
        found = super().neighbours(tenant, model_version, modality, vectors, limit)
        return [near[: max(0, limit - self.forgets)] for near in found]


@pytest.fixture
def spaces() -> Iterator[Watched]:
    ground = ServerGround(QdrantClient(":memory:"), VectorIndexConfig())
    spaces = Watched(ground, lambda: BLUE)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect")
        for space in (BLUE, GREEN):
            spaces.ensure_space(space, DIM)
        yield spaces
    spaces.close()


def entry(space: str, item: int, version: int = 1, tenant: str = "t") -> Entry:
    vector = np.random.default_rng(item).normal(size=DIM).astype(np.float32)
    content = Content(Modality.TEXT, space, (Part(Modality.TEXT, (vector / np.linalg.norm(vector)).tobytes(), "w"),))
    return Entry(tenant, f"item-{item}", version, content)


def fill(spaces: VectorSpaces, space: str, items: Sequence[int], version: int = 1, tenant: str = "t") -> None:
    spaces.apply([entry(space, item, version, tenant) for item in items])


def test_spaces_of_the_same_items_are_equal(spaces: Watched) -> None:
    for space in (BLUE, GREEN):
        fill(spaces, space, range(20))
        fill(spaces, space, range(7), tenant="u")
    found = compare(spaces, BLUE, GREEN)
    assert (found.equal, found.live, found.candidate, found.recall, found.difference()) == (True, 27, 27, 1.0, "")


def test_items_that_differ_are_named_by_how(spaces: Watched) -> None:
    fill(spaces, BLUE, range(20))
    fill(spaces, GREEN, range(2, 25))
    fill(spaces, BLUE, [9], version=2)
    found = compare(spaces, BLUE, GREEN)
    assert not found.equal
    assert [item.item_id for item in found.missing] == ["item-0", "item-1"]
    assert [item.item_id for item in found.stale] == ["item-9"]
    assert [item.item_id for item in found.extra] == [f"item-{item}" for item in range(20, 25)]
    assert (found.live, found.candidate) == (20, 23)


def test_a_withdrawal_that_one_space_missed_is_seen(spaces: Watched) -> None:
    for space in (BLUE, GREEN):
        fill(spaces, space, range(5))
    spaces.apply([Entry("t", "item-3", 2, None)])
    assert compare(spaces, BLUE, GREEN).equal
    fill(spaces, GREEN, [3], version=3)
    assert compare(spaces, BLUE, GREEN).difference() == "some are too many (4 items, 5 in the new space)"


def test_an_empty_space_differs_from_one_with_items_and_not_from_another_empty_one(spaces: Watched) -> None:
    assert compare(spaces, BLUE, GREEN).equal
    fill(spaces, BLUE, range(30))
    found = compare(spaces, BLUE, GREEN)
    assert (found.equal, found.live, found.candidate, len(found.missing)) == (False, 30, 0, 10)


def test_what_is_on_its_way_while_the_spaces_are_walked_is_no_difference(spaces: Watched) -> None:
    for space in (BLUE, GREEN):
        fill(spaces, space, range(20))
    versions = iter(range(2, 100))

    def change() -> None:
        version = next(versions)
        for space in (BLUE, GREEN):
            fill(spaces, space, range(0, 40, 4), version)

    spaces.meanwhile = change
    assert compare(spaces, BLUE, GREEN, sample=0).equal


def test_a_search_that_misses_true_neighbours_is_told(spaces: Watched) -> None:
    for space in (BLUE, GREEN):
        fill(spaces, space, range(40))
    spaces.forgets = 4
    found = compare(spaces, BLUE, GREEN, sample=10, k=10)
    assert found.recall == pytest.approx(0.6)
    assert "0.600" in found.difference(least_recall=0.95)
    assert found.equal


def test_recall_counts_no_more_neighbours_than_there_are(spaces: Watched) -> None:
    fill(spaces, BLUE, range(3))
    assert recall_against_exact(spaces, BLUE, sample=10, k=10) == 1.0


def test_items_that_lie_on_the_same_spot_stand_in_for_each_other(spaces: Watched) -> None:
    spaces.apply([Entry("t", f"twin-{n}", 1, entry(BLUE, 1).content) for n in range(30)])
    assert recall_against_exact(spaces, BLUE, sample=10, k=5) == 1.0


def test_an_empty_space_has_no_recall(spaces: Watched) -> None:
    assert np.isnan(recall_against_exact(spaces, BLUE, sample=10, k=5))


def test_what_is_missing_behind_many_items_on_their_way_is_found(
    spaces: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "MOST", 2)
    fill(spaces, BLUE, range(20))
    first, second, last = [int(one.item_id.removeprefix("item-")) for one in counted(spaces, BLUE)][::9]
    fill(spaces, GREEN, [item for item in range(20) if item not in (first, second, last)])
    looks = iter(range(100))

    def arrive() -> None:
        if next(looks) == 6:
            fill(spaces, GREEN, [first, second])

    spaces.meanwhile = arrive
    found = compare(spaces, BLUE, GREEN, sample=0)
    assert [item.item_id for item in found.missing] == [f"item-{last}"]

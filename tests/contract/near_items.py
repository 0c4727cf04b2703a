"""What every vector index must do for those who learn from what lies near. Part of the contract of the index."""

import numpy as np
import pytest

from models.vector_index.port import Entry, Near, VectorIndex
from schemas.items import Modality
from tests.contract.indexed import DIM, EAST, NORTH, SPACE, UP, content, direction, next_tenant, part


class NearItemsContract:
    """The module of a subclass gives the fixture `index`, which tests may share: each test is a tenant of its own."""

    @pytest.fixture
    def tenant(self, index: VectorIndex) -> str:
        index.ensure_space(SPACE, DIM)
        return next_tenant()

    def near(
        self, index: VectorIndex, tenant: str, *numbers: float, modality: Modality = Modality.TEXT, limit: int = 10
    ) -> list[Near]:
        [found] = index.neighbours(tenant, SPACE, modality, [direction(*numbers)], limit)
        return found

    def names(self, index: VectorIndex, tenant: str, *numbers: float, **fields: Modality) -> list[str]:
        return [near.item_id for near in self.near(index, tenant, *numbers, **fields)]  # type: ignore[arg-type]

    def walked(self, index: VectorIndex, tenant: str, limit: int) -> list[tuple[str, int]]:
        items, after = [], None
        while True:
            page = index.scroll(tenant, SPACE, limit, after)
            assert len(page.items) <= limit
            items += [(held.item_id, held.version) for held in page.items]
            if (after := page.after) is None:
                return items

    def test_neighbours_come_nearest_first_with_version_and_cosine(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "east", 3, content(part(vector=EAST)))])
        index.apply([Entry(tenant, "between", 4, content(part(vector=(1, 1, 0, 0))))])
        first, second = self.near(index, tenant, *EAST)
        assert (first.item_id, first.version, first.part) == ("east", 3, 0)
        assert (second.item_id, second.version, second.part) == ("between", 4, 0)
        assert (first.similarity, second.similarity) == pytest.approx((1, 0.5**0.5), abs=1e-5)

    def test_each_vector_gets_its_own_neighbours(self, index: VectorIndex, tenant: str) -> None:
        vectors = {"east": EAST, "north": NORTH, "up": UP}
        index.apply([Entry(tenant, name, 1, content(part(vector=vector))) for name, vector in vectors.items()])
        asked = [direction(*vectors[name]) for name in ("up", "east", "north")] * 20
        found = index.neighbours(tenant, SPACE, Modality.TEXT, asked, 1)
        assert [near.item_id for [near] in found] == ["up", "east", "north"] * 20

    def test_no_vector_has_no_neighbours(self, index: VectorIndex, tenant: str) -> None:
        assert index.neighbours(tenant, SPACE, Modality.TEXT, [], 5) == []

    def test_no_more_neighbours_than_asked_for(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, f"item-{n}", 1, content(part())) for n in range(5)])
        assert len(self.near(index, tenant, *EAST, limit=3)) == 3

    def test_an_item_is_near_by_its_primary_part_alone(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "book", 1, content(part("one", UP), part("two", EAST), part("three", EAST)))])
        index.apply([Entry(tenant, "leaf", 1, content(part("leaf", (1, 1, 0, 0))))])
        assert self.names(index, tenant, *EAST) == ["leaf", "book"]

    def test_untrained_vectors_have_neighbours(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "raw", 1, content(part("a dog", EAST, untrained=True)))])
        assert self.names(index, tenant, *EAST) == ["raw"]

    def test_neighbours_are_of_one_modality(self, index: VectorIndex, tenant: str) -> None:
        picture = content(part(vector=EAST, modality=Modality.IMAGE), part("a dog", EAST), modality=Modality.IMAGE)
        index.apply([Entry(tenant, "picture", 1, picture), Entry(tenant, "text", 1, content(part("a dog", EAST)))])
        assert self.names(index, tenant, *EAST) == ["text"]
        assert self.names(index, tenant, *EAST, modality=Modality.IMAGE) == ["picture"]

    def test_no_neighbour_is_withdrawn_or_another_tenants(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "gone", 1, content(part())), Entry(f"{tenant}-other", "theirs", 1, content(part()))])
        index.apply([Entry(tenant, "gone", 2, None)])
        assert self.near(index, tenant, *EAST) == []

    def test_the_vector_in_effect_decides_who_is_near(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "moved", 1, content(part(vector=EAST)))])
        index.apply([Entry(tenant, "moved", 2, content(part(vector=UP)))])
        [near] = self.near(index, tenant, *UP)
        assert (near.version, near.similarity) == (2, pytest.approx(1, abs=1e-5))

    def test_a_space_that_does_not_exist_holds_nothing(self, index: VectorIndex, tenant: str) -> None:
        assert index.neighbours(tenant, "no-such-model", Modality.TEXT, [direction(*EAST)] * 2, 5) == [[], []]
        assert index.vectors(tenant, "no-such-model", ["mill"]) == {}
        assert index.scroll(tenant, "no-such-model", 10).items == ()

    def test_vectors_come_with_the_version_in_effect(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "old", 1, content(part(vector=EAST)))])
        index.apply([Entry(tenant, "old", 2, content(part(vector=NORTH), part(vector=UP)))])
        index.apply([Entry(tenant, "raw", 5, content(part(vector=UP, untrained=True)))])
        found = index.vectors(tenant, SPACE, ["raw", "never", "old"])
        assert {name: version for name, (version, _) in found.items()} == {"old": 2, "raw": 5}
        np.testing.assert_allclose(found["old"][1], NORTH, atol=1e-6)
        np.testing.assert_allclose(found["raw"][1], UP, atol=1e-6)

    def test_withdrawn_items_and_other_tenants_have_no_vectors(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, "gone", 1, content(part())), Entry(f"{tenant}-other", "theirs", 1, content(part()))])
        index.apply([Entry(tenant, "gone", 2, None)])
        assert index.vectors(tenant, SPACE, ["gone", "theirs"]) == {}

    def test_a_walk_meets_every_item_once(self, index: VectorIndex, tenant: str) -> None:
        index.apply([Entry(tenant, f"item-{n}", n, content(part("a"), part("b", UP))) for n in range(23)])
        index.apply([Entry(tenant, "item-7", 40, None), Entry(f"{tenant}-other", "theirs", 1, content(part()))])
        assert sorted(self.walked(index, tenant, 5)) == sorted((f"item-{n}", n) for n in range(23) if n != 7)

    def test_a_walk_shows_what_the_index_knows(self, index: VectorIndex, tenant: str) -> None:
        dog = content(
            part(vector=NORTH, modality=Modality.IMAGE, untrained=True), part("a dog", EAST),
            modality=Modality.IMAGE, source="zoo", language="en", uri="media/ab/cd",
        )  # fmt: skip
        index.apply([Entry(tenant, "dog", 7, dog)])
        [held] = index.scroll(tenant, SPACE, 10).items
        assert (held.item_id, held.version, held.modality, held.source) == ("dog", 7, Modality.IMAGE, "zoo")
        assert (held.language, held.uri, held.text) == ("en", "media/ab/cd", None)
        np.testing.assert_allclose(held.vector, NORTH, atol=1e-6)

    # A census

    def counted(self, index: VectorIndex, model_version: str, limit: int) -> list[tuple[str, str, str, int]]:
        items, after = [], None
        while True:
            step = index.census(model_version, limit, after)
            items += [(one.place, one.tenant, one.item_id, one.version) for one in step.items]
            if (after := step.after) is None:
                return items

    def test_a_census_meets_the_items_of_all_tenants_once_in_the_order_of_their_places(
        self, index: VectorIndex, tenant: str
    ) -> None:
        other = f"{tenant}-other"
        index.apply([Entry(tenant, f"item-{n}", n, content(part("a"), part("b", UP))) for n in range(23)])
        index.apply([Entry(tenant, "item-7", 40, None), Entry(other, "item-1", 5, content(part(untrained=True)))])
        found = self.counted(index, SPACE, 5)
        assert found == sorted(found)
        ours = {(who, item, version) for _, who, item, version in found if who in (tenant, other)}
        assert ours == {(tenant, f"item-{n}", n) for n in range(23) if n != 7} | {(other, "item-1", 5)}
        assert len({(who, item) for _, who, item, _ in found}) == len(found)

    def test_a_space_that_does_not_exist_has_an_empty_census(self, index: VectorIndex) -> None:
        assert self.counted(index, "no-such-model", 10) == []

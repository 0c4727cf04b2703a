import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.scoring.pool.exact import near_in_pool
from consumers.scoring.pool.slots import Pool
from schemas.items import Modality


def filled(count: int, seed: int = 0, dim: int = 6, removed: int = 0, pictures: int = 0) -> Pool:
    pool = Pool(dim, max(count, 1), 5)
    vectors = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for n, vector in enumerate(vectors):
        pool.put(f"item-{n}", n, Modality.IMAGE if n < pictures else Modality.TEXT, vector)
    pool.remove_slots(range(count - removed, count))
    return pool


@settings(max_examples=60)
@given(st.integers(1, 400), st.integers(1, 20), st.integers(0, 9), st.integers(0, 40), st.integers(0, 40))
def test_neighbours_are_those_that_comparing_all_with_all_finds(
    count: int, wanted: int, seed: int, removed: int, pictures: int
) -> None:
    pool = filled(count, seed, removed=min(removed, count - 1), pictures=pictures)
    slots = pool.all_slots()
    for slot, nearby in zip(slots, near_in_pool(pool, slots, wanted), strict=True):
        others = [other for other in slots if other != slot and pool.modality(other) is pool.modality(slot)]
        similar = sorted((float(pool.vectors[slot] @ pool.vectors[other]) for other in others), reverse=True)
        assert nearby.distances == pytest.approx([2 - 2 * one for one in similar[:wanted]], abs=1e-5)
        assert len(set(nearby.ids)) == len(nearby.ids) == min(wanted, len(others))


def test_the_only_item_of_its_kind_has_no_neighbours() -> None:
    pool = filled(5, pictures=1)
    picture, *_, text = near_in_pool(pool, pool.all_slots(), 15)
    assert (picture.ids, picture.density, len(text.ids)) == ((), 0.0, 3)

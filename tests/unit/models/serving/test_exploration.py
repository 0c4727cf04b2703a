import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.serving.config import ExplorationConfig, Method
from models.serving.exploration import draw, propensities

CHANCES = st.builds(
    ExplorationConfig,
    method=st.sampled_from(list(Method)),
    epsilon=st.floats(0, 1, allow_nan=False),
    depth=st.integers(2, 7),
)


@given(config=CHANCES, count=st.integers(0, 9))
def test_every_item_is_somewhere_and_every_position_has_one(config: ExplorationConfig, count: int) -> None:
    table = propensities(count, config)
    assert table.shape == (count, count)
    assert np.allclose(table.sum(axis=0), 1)
    assert np.allclose(table.sum(axis=1), 1)
    assert (table >= -1e-12).all()


@given(config=CHANCES, count=st.integers(0, 9), seed=st.integers(0, 99))
def test_an_order_holds_every_item_once_at_a_position_that_it_can_have(
    config: ExplorationConfig, count: int, seed: int
) -> None:
    order = draw(count, config, random.Random(seed))
    assert sorted(order) == list(range(count))
    assert all(propensities(count, config)[place, position] > 0 for position, place in enumerate(order))


@settings(max_examples=12)
@given(
    method=st.sampled_from([Method.SWAP, Method.PLACKETT_LUCE]),
    epsilon=st.sampled_from([0.1, 0.5, 1.0]),
    depth=st.integers(2, 5),
    count=st.integers(2, 6),
)
def test_what_is_drawn_is_as_frequent_as_its_propensity(method: Method, epsilon: float, depth: int, count: int) -> None:
    config = ExplorationConfig(method=method, epsilon=epsilon, depth=depth)
    chance, draws = random.Random(17), 20_000
    seen = Counter(place for _ in range(draws) for place in enumerate(draw(count, config, chance)))
    expected = propensities(count, config)
    for position in range(count):
        for place in range(count):
            probability = expected[place, position]
            five_sigma = 5 * np.sqrt(probability * (1 - probability) / draws)
            assert abs(seen[position, place] / draws - probability) <= five_sigma + 1e-12


def test_a_wrong_table_would_be_found_out() -> None:
    """The test above has teeth: frequencies of one method do not match the table of the other."""
    swap = ExplorationConfig(method=Method.SWAP, epsilon=1.0, depth=3)
    luce = ExplorationConfig(method=Method.PLACKETT_LUCE, epsilon=1.0, depth=3)
    chance = random.Random(17)
    first = Counter(draw(3, swap, chance)[0] for _ in range(20_000))
    assert abs(first[0] / 20_000 - propensities(3, luce)[0, 0]) > 0.05


@pytest.mark.parametrize("config", [ExplorationConfig(), ExplorationConfig(method=Method.SWAP, epsilon=0)])
def test_without_chance_every_item_is_certain_of_its_place(config: ExplorationConfig) -> None:
    assert draw(5, config, random.Random(1)) == [0, 1, 2, 3, 4]
    assert (propensities(5, config) == np.eye(5)).all()


def test_two_items_by_plackett_and_luce_by_hand() -> None:
    config = ExplorationConfig(method=Method.PLACKETT_LUCE, epsilon=0.3)
    assert propensities(2, config)[0, 0] == pytest.approx(0.7 + 0.3 * 2 / 3)

"""The numbers behind the gate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.gate.resampling import Resampler, holm

RESAMPLER = Resampler(2000, seed=1)


def test_holm_multiplies_the_smallest_by_all_and_never_lets_a_larger_one_look_smaller() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_correction_never_makes_a_claim_surer(chances: list[float]) -> None:
    assert all(after >= before for before, after in zip(chances, holm(chances), strict=True))


def test_three_gains_among_sixty_items_may_be_chance() -> None:
    gains = np.zeros(60)
    gains[:3] = 1.0
    assert RESAMPLER.by_chance(gains) == pytest.approx(1 / 8, abs=0.03)


def test_a_hundred_small_gains_are_no_chance() -> None:
    assert RESAMPLER.by_chance(np.full(100, 0.01)) == pytest.approx(1 / 2001)


def test_equal_outcomes_are_no_gain() -> None:
    assert RESAMPLER.no_more_than(np.zeros(50), 0.0) == 1.0


def test_equal_outcomes_are_within_every_margin() -> None:
    assert RESAMPLER.no_more_than(np.zeros(50), -0.1) < 0.001


def test_a_single_item_proves_nothing() -> None:
    assert RESAMPLER.no_more_than(np.ones(1), 0.0) == 1.0


def test_the_interval_of_a_clear_gain_lies_above_zero() -> None:
    gains = np.random.default_rng(0).normal(0.2, 0.1, 50)
    low, high = RESAMPLER.interval(gains, span=1.0)
    assert 0 < low < gains.mean() < high


def test_an_interval_stays_within_what_differences_can_be() -> None:
    gains = np.zeros(10)
    gains[0] = 1.0
    low, high = RESAMPLER.interval(gains, span=1.0)
    assert -1 <= low <= 0.1 <= high <= 1


def test_equal_seeds_give_equal_answers() -> None:
    gains = np.random.default_rng(3).normal(0, 1, 30)
    assert Resampler(2000, 5).no_more_than(gains, -0.1) == Resampler(2000, 5).no_more_than(gains, -0.1)

"""The gate errs no more often than it states. The long form is `python -m tests.evaluations.gate`."""

import pytest

from tests.unit.trainers.gate.simulated import (
    harming_a_slice,
    losing,
    most_by_chance,
    promotions,
    skilled,
    skilled_twice,
)
from trainers.gate.config import GateConfig
from trainers.gate.verdict import Aim

CONFIG = GateConfig()
TIMES = 80
ALLOWED = most_by_chance(TIMES, CONFIG.alpha)


@pytest.mark.parametrize("items", [40, 100])
def test_a_candidate_that_is_not_better_is_promoted_no_more_often_than_stated(items: int) -> None:
    assert promotions(skilled(items, gain=0.0), TIMES, CONFIG) <= ALLOWED


def test_a_second_measure_to_be_better_in_gives_chance_no_second_chance() -> None:
    assert promotions(skilled_twice(60, gain=0.0), TIMES, CONFIG) <= ALLOWED


@pytest.mark.parametrize("by", [1.0, 0.2])
def test_a_candidate_that_loses_the_margin_passes_as_good_no_more_often_than_stated(by: float) -> None:
    assert promotions(losing(40, CONFIG.margin, by), TIMES, CONFIG, Aim.AS_GOOD) <= ALLOWED


@pytest.mark.parametrize("by", [1.0, 0.2])
def test_a_candidate_that_costs_one_slice_its_margin_is_promoted_no_more_often_than_stated(by: float) -> None:
    assert promotions(harming_a_slice(80, CONFIG.slice_margin, by), TIMES, CONFIG) <= ALLOWED


def test_a_real_improvement_is_seen_over_a_hundred_items() -> None:
    assert promotions(skilled(100, gain=0.8), 40, CONFIG) >= 36

"""The test's two promises: it seldom speaks without cause, and soon with one."""

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.rollout.guardrails.sequential import Evidence, Tally

ALPHA = 0.05
RUNS = 250
LENGTH = 500

rates = st.floats(min_value=0.001, max_value=0.999)
shares = st.floats(min_value=0.01, max_value=0.99)
tallies = st.integers(0, 500).flatmap(lambda n: st.builds(Tally, st.just(n), st.integers(0, n)))
evidence = st.builds(Evidence, tallies, tallies)


def first_alarm(
    new: float, old: float, share: float, seed: int, length: int = LENGTH, drift: float = 0.0
) -> int | None:
    """After how many searches it speaks; None if it never does. `drift` is added to both rates from half-way on."""
    chance = random.Random(seed)
    found = Evidence()
    for number in range(length):
        moved = drift if number > length / 2 else 0.0
        of_new = chance.random() < share
        harmed = chance.random() < (new if of_new else old) + moved
        found = found.after(of_new, harmed, share)
        if found.speaks(ALPHA):
            return number + 1
    return None


def alarms(new: float, old: float, share: float, drift: float = 0.0) -> int:
    return sum(first_alarm(new, old, share, seed, drift=drift) is not None for seed in range(RUNS))


HIGHEST = RUNS * ALPHA + 3 * math.sqrt(RUNS * ALPHA * (1 - ALPHA))
"""More alarms than this would be a chance of one in a thousand, were the promise just kept."""


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("rate", [0.02, 0.5])
def test_a_model_that_is_the_same_is_seldom_sent_back_however_often_one_looks(rate: float, share: float) -> None:
    assert alarms(rate, rate, share) <= HIGHEST


def test_a_model_that_is_better_is_seldom_sent_back() -> None:
    assert alarms(0.3, 0.5, 0.1) <= HIGHEST


def test_a_change_that_meets_both_models_is_no_reason() -> None:
    assert alarms(0.1, 0.1, 0.9, drift=0.6) <= HIGHEST


def test_a_broken_model_is_found_within_some_dozen_searches() -> None:
    found = [first_alarm(1.0, 0.01, 0.9, seed) for seed in range(50)]
    assert max(one or LENGTH for one in found) <= 100


def test_lost_clicks_are_found_with_a_tenth_held_back() -> None:
    found = [first_alarm(0.9, 0.5, 0.9, seed, length=2000) for seed in range(50)]
    assert None not in found


def test_a_difference_within_the_tolerance_is_left_alone() -> None:
    sure = Evidence(Tally(1000, 20), Tally(1000, 10), log_e=20.0)
    assert not sure.speaks(ALPHA, tolerance=0.02)
    assert sure.speaks(ALPHA, tolerance=0.005)


@given(evidence, shares, rates)
def test_where_both_rates_are_equal_the_expected_factor_is_one(found: Evidence, share: float, rate: float) -> None:
    assert expected(found, share, rate, rate) == pytest.approx(1.0, abs=1e-9)


@given(evidence, shares, rates, rates)
def test_where_the_new_one_is_better_the_expected_factor_is_at_most_one(
    found: Evidence, share: float, one: float, other: float
) -> None:
    assert expected(found, share, min(one, other), max(one, other)) <= 1 + 1e-9


@given(evidence, shares)
def test_a_harmed_search_of_the_old_model_never_speaks_against_the_new_one(found: Evidence, share: float) -> None:
    assert found.after(False, True, share).log_e <= found.log_e


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=50))
def test_every_search_is_in_the_tally_of_its_model(searches: list[tuple[bool, bool]]) -> None:
    found = Evidence()
    for of_new, harmed in searches:
        found = found.after(of_new, harmed, 0.5)
    new = [harmed for of_new, harmed in searches if of_new]
    old = [harmed for of_new, harmed in searches if not of_new]
    assert (found.new, found.old) == (Tally(len(new), sum(new)), Tally(len(old), sum(old)))


def expected(found: Evidence, share: float, new: float, old: float) -> float:
    """The mean factor of the next search, over the lot and what becomes of it."""
    chances = {
        (True, True): share * new,
        (True, False): share * (1 - new),
        (False, True): (1 - share) * old,
        (False, False): (1 - share) * (1 - old),
    }
    return sum(chance * math.exp(found.after(*what, share).log_e - found.log_e) for what, chance in chances.items())


def test_rates_are_shares_of_the_searches() -> None:
    assert Tally(8, 2).rate == Fraction(1, 4)

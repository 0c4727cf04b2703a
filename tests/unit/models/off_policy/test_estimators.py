import numpy as np
import pytest

from models.off_policy.estimators import Log, doubly_robust, ips, snips
from streams.errors import Misconfigured

RATES = np.array([0.1, 0.3, 0.6])
"""Of three actions: how often each is rewarded."""
LOGGED = np.array([0.6, 0.3, 0.1])
WANTED = np.array([0.1, 0.2, 0.7])
TRUTH = float(RATES @ WANTED)


def actions(seed: int, count: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    taken = chance.choice(3, count, p=LOGGED)
    return taken, (chance.random(count) < RATES[taken]).astype(float)


def log(seed: int, propensities: np.ndarray = LOGGED) -> Log:
    taken, rewards = actions(seed)
    return Log.of(rewards, propensities[taken], WANTED[taken])


def test_an_example_by_hand() -> None:
    one = Log.of([1, 0, 1], [0.5, 0.5, 0.25], [0.25, 0.75, 0.25])  # weights 0.5, 1.5, 1
    assert ips(one).value == pytest.approx(1.5 / 3)
    assert snips(one).value == pytest.approx(1.5 / 3)
    assert ips(one).effective_n == pytest.approx(9 / 3.5)
    assert ips(one, clip=1.0).value == pytest.approx(1.5 / 3)
    assert ips(one, clip=1.0).clipped == pytest.approx(1 / 3)
    assert doubly_robust(one, [1, 0, 0], [1, 1, 1]).value == pytest.approx((1 + 1 + 2) / 3)


def coverage(estimates: list[bool]) -> float:
    return sum(estimates) / len(estimates)


def test_nearly_all_intervals_cover_the_truth() -> None:
    seeds = range(30)
    assert coverage([ips(log(seed)).covers(TRUTH) for seed in seeds]) >= 0.85
    assert coverage([snips(log(seed)).covers(TRUTH) for seed in seeds]) >= 0.85


def test_propensities_that_are_wrong_by_a_factor_miss_the_truth_and_are_told() -> None:
    wrong = [ips(log(seed, LOGGED / 2)) for seed in range(8)]
    assert coverage([one.covers(TRUTH) for one in wrong]) == 0
    assert not any(one.trustworthy for one in wrong)


def test_propensities_of_another_shape_miss_the_truth_even_when_normalised() -> None:
    wrong = [snips(log(seed, np.full(3, 1 / 3))) for seed in range(8)]
    assert coverage([one.covers(TRUTH) for one in wrong]) < 0.2


def test_right_propensities_are_trusted() -> None:
    assert all(ips(log(seed)).trustworthy for seed in range(8))


def test_a_right_model_saves_wrong_propensities() -> None:
    taken, rewards = actions(1)
    wrong = Log.of(rewards, np.full(taken.size, 0.5), WANTED[taken])
    robust = doubly_robust(wrong, RATES[taken], np.full(taken.size, TRUTH))
    assert robust.covers(TRUTH)
    assert not ips(wrong).covers(TRUTH)


def test_a_wrong_model_does_not_harm_right_propensities() -> None:
    taken, rewards = actions(2)
    right = Log.of(rewards, LOGGED[taken], WANTED[taken])
    assert doubly_robust(right, np.full(taken.size, 0.9), np.full(taken.size, 0.9)).covers(TRUTH)


def test_a_good_model_narrows_the_interval() -> None:
    taken, rewards = actions(3)
    right = Log.of(rewards, LOGGED[taken], WANTED[taken])
    plain, robust = ips(right), doubly_robust(right, RATES[taken], np.full(taken.size, TRUTH))
    assert robust.high - robust.low < plain.high - plain.low


def test_actions_that_come_in_groups_widen_the_interval() -> None:
    taken, rewards = actions(4, 1000)
    taken, rewards, groups = np.repeat(taken, 10), np.repeat(rewards, 10), np.repeat(np.arange(1000), 10)
    alone = ips(Log.of(rewards, LOGGED[taken], WANTED[taken]))
    together = ips(Log.of(rewards, LOGGED[taken], WANTED[taken], groups))
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_the_same_seed_gives_the_same_interval() -> None:
    assert ips(log(5), seed=1) == ips(log(5), seed=1)


@pytest.mark.parametrize(
    ("rewards", "propensities", "target"),
    [([], [], []), ([1], [0.0], [1]), ([1], [1.5], [1]), ([1], [0.5], [2]), ([1, 1], [0.5], [1])],
)
def test_what_cannot_be_a_log_is_refused(rewards: list[float], propensities: list[float], target: list[float]) -> None:
    with pytest.raises(Misconfigured):
        Log.of(rewards, propensities, target)


def test_a_target_that_was_never_logged_is_not_trusted() -> None:
    nothing = ips(Log.of([1, 0, 1], [0.5, 0.5, 0.5], [0, 0, 0]))
    assert (nothing.value, nothing.mean_weight, nothing.effective_n, nothing.trustworthy) == (0, 0, 0, False)

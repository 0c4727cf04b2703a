"""Two policies that really ran side by side in a shop: what one log says of the other, against what the other earned.

Clicks are rare (46 and 69 in 10,000), so what a policy really earned is known with an error of its own.
"""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from models.off_policy.estimators import Estimate, Log, doubly_robust, ips, snips

ITEMS, POSITIONS = 34, 3
SCALE = 10.0
"""A propensity that is wrong by this factor must be found out."""


@dataclass(frozen=True)
class Shop:
    """A log: the item, its position counted from 0, whether it was clicked, and its propensity."""

    item: np.ndarray
    position: np.ndarray
    click: np.ndarray
    propensity: np.ndarray

    @property
    def truth(self) -> float:
        return float(self.click.mean())

    @property
    def truth_error(self) -> float:
        return float(self.click.std() / np.sqrt(self.click.size))

    def policy(self) -> np.ndarray:
        """How often each item was shown at each position: the policy, over the time of the log."""
        shown = np.zeros((ITEMS, POSITIONS))
        np.add.at(shown, (self.item, self.position), 1)
        return shown / shown.sum(axis=0)


def read(folder: Path, name: str) -> Shop:
    with gzip.open(folder / "open-bandit" / f"{name}-men.csv.gz", "rt") as file:
        rows = [
            (int(row["item_id"]), int(row["position"]) - 1, float(row["click"]), float(row["propensity_score"]))
            for row in csv.DictReader(file)
        ]
    item, position, click, propensity = zip(*rows, strict=True)
    return Shop(np.array(item), np.array(position), np.array(click), np.array(propensity))


@pytest.fixture(scope="module")
def uniform(shared_data: Path) -> Shop:
    return read(shared_data, "random")


@pytest.fixture(scope="module")
def thompson(shared_data: Path) -> Shop:
    return read(shared_data, "bts")


def log_of(logged: Shop, target: np.ndarray, factor: float = 1.0) -> Log:
    return Log.of(logged.click, np.minimum(1, logged.propensity * factor), target[logged.item, logged.position])


def modelled(logged: Shop, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A model of clicks by item, drawn towards the mean, each half of the log foretold by the other."""
    half = np.arange(logged.click.size) % 2
    predicted, expected = np.zeros(half.size), np.zeros(half.size)
    for ours in (0, 1):
        learn, tell = half != ours, half == ours
        shown = np.bincount(logged.item[learn], minlength=ITEMS)
        clicks = np.bincount(logged.item[learn], logged.click[learn], minlength=ITEMS)
        rate = (clicks + 100 * logged.click[learn].mean()) / (shown + 100)
        predicted[tell] = rate[logged.item[tell]]
        expected[tell] = (rate @ target)[logged.position[tell]]
    return predicted, expected


def agrees(found: Estimate, other: Shop) -> bool:
    """Whether the estimate and what was earned lie within their joint 95 % error."""
    error = (found.high - found.low) / 2 / 1.96
    return abs(found.value - other.truth) <= 1.96 * float(np.hypot(error, other.truth_error))


def test_what_thompson_sampling_earns_is_told_by_the_random_log(uniform: Shop, thompson: Shop) -> None:
    target = thompson.policy()
    log = log_of(uniform, target)
    found = {
        "ips": ips(log),
        "snips": snips(log),
        "doubly robust": doubly_robust(log, *modelled(uniform, target)),
    }
    for name, one in found.items():
        assert one.covers(thompson.truth), name
        assert one.trustworthy


def test_what_chance_earns_is_told_by_the_log_of_thompson_sampling(uniform: Shop, thompson: Shop) -> None:
    target = np.full((ITEMS, POSITIONS), 1 / ITEMS)
    log = log_of(thompson, target)
    for one in (ips(log), snips(log), doubly_robust(log, *modelled(thompson, target))):
        assert agrees(one, uniform)
        assert one.effective_n < 1000  # of 10,000: its propensities go down to 0.0002


@pytest.mark.parametrize("factor", [1 / SCALE, SCALE])
def test_a_wrong_propensity_is_found_out(uniform: Shop, thompson: Shop, factor: float) -> None:
    wrong = ips(log_of(uniform, thompson.policy(), factor))
    assert not wrong.covers(thompson.truth)
    assert not wrong.trustworthy


def test_to_forget_the_propensities_is_found_out(uniform: Shop, thompson: Shop) -> None:
    """As if everything that was shown had been certain to be shown."""
    target = np.full((ITEMS, POSITIONS), 1 / ITEMS)
    forgotten = ips(Log.of(thompson.click, np.ones(thompson.click.size), target[thompson.item, thompson.position]))
    assert not agrees(forgotten, uniform)
    assert not forgotten.trustworthy


def test_clipping_buys_effective_actions_with_bias(thompson: Shop) -> None:
    log = log_of(thompson, np.full((ITEMS, POSITIONS), 1 / ITEMS))
    plain, cut = ips(log), ips(log, clip=5.0)
    assert cut.effective_n > 2 * plain.effective_n
    assert 0 < cut.clipped < 0.1

"""The evaluation in small: ten seeds of two sets, and a control that shows that it can fail."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from tests.evaluations.arms import own
from tests.evaluations.datasets import DataSet, Source, banking20, digits
from tests.evaluations.protocol import Run, Split, macro_f1
from tests.evaluations.ratios import Curve, Ratio, crossing, ratio
from tests.evaluations.report import FULL, HALF, Measured

SEEDS = 10


def measured(data: DataSet) -> Measured:
    curves: Measured = {data.name: {}}
    with threadpool_limits(limits=1):
        for seed in range(SEEDS):
            split = Split.of(data, seed)
            for name in ("random", "graph-herding"):
                run = Run(split).through(own(name))
                found = curves[data.name].setdefault(name, {"head": [], "spread": []})
                found["head"].append(run.head)
                found["spread"].append(run.spread)
    return curves


def against_random(curves: Measured, kind: str, checkpoint: int) -> Ratio:
    [by_strategy] = curves.values()
    return ratio(np.array(by_strategy["graph-herding"][kind]), np.array(by_strategy["random"]["head"]), checkpoint)


@cache
def of_digits() -> Measured:
    return measured(digits(Source(Path(), Path(), print)))


@pytest.fixture(scope="module")
def of_banking(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    return measured(banking20(Source(shared_data, tmp_path_factory.mktemp("vectors"), print)))


def test_digits_need_far_fewer_labels_than_at_random() -> None:
    assert against_random(of_digits(), "head", FULL).value < 0.6


def test_digits_are_never_behind_random_at_half_the_budget() -> None:
    assert against_random(of_digits(), "head", HALF).high90 < 0.8


def test_propagation_saves_more_labels_of_digits() -> None:
    assert against_random(of_digits(), "spread", FULL).value < 0.35


def test_bank_questions_need_far_fewer_labels_than_at_random(of_banking: Measured) -> None:
    assert against_random(of_banking, "head", FULL).value < 0.75


def test_bank_questions_are_never_behind_random_at_half_the_budget(of_banking: Measured) -> None:
    assert against_random(of_banking, "head", HALF).high90 < 0.95


def test_propagation_saves_more_labels_of_bank_questions(of_banking: Measured) -> None:
    assert against_random(of_banking, "spread", FULL).value < 0.6


def test_labels_that_mean_nothing_show_no_gain() -> None:
    data = digits(Source(Path(), Path(), print))
    mixed = replace(data, labels=np.random.default_rng(0).permutation(data.labels))
    told = against_random(measured(mixed), "head", FULL)
    assert abs(told.gap) < 0.02
    assert against_random(of_digits(), "head", FULL).gap > 0.02


def curve(*f1: float) -> Curve:
    return np.array([f1])


def test_labels_are_interpolated_where_the_curve_crosses() -> None:
    assert crossing(curve(0.2, 0.4, 0.8), np.array([0.6])).tolist() == pytest.approx([2.5])


def test_a_curve_that_starts_above_the_target_needs_its_first_batch() -> None:
    assert crossing(curve(0.9, 0.9), np.array([0.6])).tolist() == [1]


def test_a_target_that_is_not_reached_is_infinitely_far() -> None:
    assert crossing(curve(0.1, 0.2), np.array([0.6])).tolist() == [np.inf]


def test_macro_f1_counts_every_class_the_same() -> None:
    assert macro_f1(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 0]), classes=2) == pytest.approx(6 / 7 / 2)

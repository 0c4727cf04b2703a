import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.metrics import accuracy_score, f1_score

from annotation.account.scores import accuracy, macro_f1, reached_at, rising

CODES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@given(CODES)
def test_scores_are_those_of_scikit_learn_where_each_item_counts_as_often_as_it_was_drawn(
    rows: list[tuple[int, int, int]],
) -> None:
    truth, said, counts = (np.array(column) for column in zip(*rows, strict=True))
    if not counts.any():
        return
    present = np.unique(truth[counts > 0])
    expected = f1_score(truth, said, sample_weight=counts, labels=present, average="macro", zero_division=0)
    assert macro_f1(truth, said, counts.astype(float), 4) == pytest.approx(expected)
    assert accuracy(truth, said, counts.astype(float)) == pytest.approx(
        accuracy_score(truth, said, sample_weight=counts)
    )


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_the_rising_curve_is_the_isotonic_regression(scores: list[float]) -> None:
    expected = IsotonicRegression().fit_transform(np.arange(len(scores)), np.array(scores))
    assert rising(np.array(scores)) == pytest.approx(expected, abs=1e-9)


def test_a_target_between_two_points_is_reached_along_the_logarithm() -> None:
    assert reached_at(np.array([10.0, 1000.0]), np.array([0.2, 0.4]), 0.3) == pytest.approx(100)


def test_a_target_below_the_curve_is_reached_where_it_begins() -> None:
    assert reached_at(np.array([10.0, 100.0]), np.array([0.2, 0.4]), 0.1) == 10


def test_on_a_plateau_the_first_point_counts() -> None:
    assert reached_at(np.array([1.0, 2.0, 3.0]), np.array([0.1, 0.4, 0.4]), 0.4) == pytest.approx(2)

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from models.heads.uncertainty import disagreement, entropy, least_confidence, margin

Measure = Callable[[NDArray[np.float64]], NDArray[np.float64]]
MEASURES: list[Measure] = [least_confidence, margin, entropy]
SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 6))


@pytest.mark.parametrize("measure", MEASURES)
def test_the_flattest_distribution_is_least_sure(measure: Measure) -> None:
    assert measure(np.full((1, 4), 0.25))[0] == pytest.approx(1)


@pytest.mark.parametrize("measure", MEASURES)
def test_certainty_is_zero(measure: Measure) -> None:
    assert measure(np.array([[0.0, 1.0, 0.0]]))[0] == 0


@pytest.mark.parametrize("measure", MEASURES)
def test_a_head_of_one_class_is_least_sure_of_everything(measure: Measure) -> None:
    assert measure(np.ones((3, 1))).tolist() == [1, 1, 1]


@pytest.mark.parametrize("measure", MEASURES)
def test_probabilities_that_are_none_are_refused(measure: Measure) -> None:
    with pytest.raises(ValueError, match="finite"):
        measure(np.array([[np.nan, 1.0]]))


@pytest.mark.parametrize("measure", MEASURES)
@given(raw=arrays(np.float64, SHAPES, elements=st.floats(0, 1)))
def test_every_measure_stays_within_zero_and_one(measure: Measure, raw: NDArray[np.float64]) -> None:
    p = (raw + 1e-9) / (raw + 1e-9).sum(axis=1, keepdims=True)
    assert ((measure(p) >= 0) & (measure(p) <= 1)).all()


def test_margin_looks_at_the_two_likeliest_only() -> None:
    assert margin(np.array([[0.5, 0.3, 0.2], [0.3, 0.2, 0.5]])).tolist() == pytest.approx([0.8, 0.8])


def test_heads_that_agree_do_not_disagree_however_unsure_they_are() -> None:
    p = np.array([[0.5, 0.5]])
    assert disagreement([p, p, p])[0] == pytest.approx(0)


def test_heads_that_are_sure_of_different_classes_disagree_most() -> None:
    assert disagreement([np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])])[0] == pytest.approx(1)


def test_one_head_alone_does_not_disagree() -> None:
    assert disagreement([np.array([[0.5, 0.5]])]).tolist() == [0]

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from consumers.scoring.acquisition import acquisition

share = st.floats(0, 1)


def score(u: float, density: float, signal: float, weight: float = 0.5) -> float:
    return float(acquisition(*(np.array([one]) for one in (u, density, signal)), weight)[0])


@given(share, share, share, share)
def test_it_lies_within_0_and_1(u: float, density: float, signal: float, weight: float) -> None:
    assert 0 <= score(u, density, signal, weight) <= 1


@given(share, share, share, share, st.integers(0, 2))
def test_it_never_falls_where_a_part_rises(u: float, density: float, signal: float, more: float, which: int) -> None:
    parts = [u, density, signal]
    raised = [max(one, more) if at == which else one for at, one in enumerate(parts)]
    assert score(*raised) >= score(*parts) - 1e-12


def test_an_item_without_neighbours_keeps_half_of_its_uncertainty() -> None:
    assert (score(0.8, 0, 0), score(0.8, 1, 0)) == (0.4, 0.8)


def test_feedback_lifts_an_item_of_which_the_head_is_sure() -> None:
    assert score(0, 1, 1, 0.5) == 0.5

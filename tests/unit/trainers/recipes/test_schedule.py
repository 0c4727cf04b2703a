import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.recipes.recipe import Recipe
from trainers.recipes.schedule import rate_share

RECIPE = Recipe(steps=100, warm_up=0.1, cosine_floor=0.2)


def test_the_rate_rises_over_the_warm_up_and_never_starts_at_zero() -> None:
    rise = [rate_share(RECIPE, step) for step in range(11)]
    assert rise == sorted(rise)
    assert rise[0] > 0
    assert rise[-1] == 1.0


def test_the_last_step_has_the_floor() -> None:
    assert rate_share(RECIPE, 99) == pytest.approx(0.2)


@given(st.integers(1, 500), st.floats(0, 1), st.floats(0, 1), st.data())
def test_the_share_is_always_between_nothing_and_all(
    steps: int, rise: float, floor: float, data: st.DataObject
) -> None:
    recipe = Recipe(steps=steps, warm_up=rise, cosine_floor=floor)
    step = data.draw(st.integers(0, steps - 1))
    assert 0 <= rate_share(recipe, step) <= 1

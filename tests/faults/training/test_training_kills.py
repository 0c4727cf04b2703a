"""Ranks are killed at any step and around checkpoints; the weights are those of a run that nobody disturbed."""

import pytest

from tests.faults.training.hammer import WAYS, Hammer
from tests.faults.training.mined import Fuse, Point, Sabotage, Victims

IN_THE_MIDDLE = Fuse(Point.AFTER_STEP, step=17, rank=1, victims=Victims.ONE)


@pytest.mark.timeout(200)
def test_eight_kills_do_not_change_a_bit(hammer: Hammer) -> None:
    before = hammer.kills.total()
    assert hammer.killed(way=0, times=8) == hammer.uninterrupted(way=0)
    assert hammer.kills.total() - before >= 6


@pytest.mark.timeout(200)
@pytest.mark.parametrize("sabotage", Sabotage)
def test_going_on_wrongly_after_a_kill_is_noticed(hammer: Hammer, sabotage: Sabotage) -> None:
    assert hammer.killed_at(0, IN_THE_MIDDLE, sabotage) != hammer.uninterrupted(0)


@pytest.mark.long_faults
@pytest.mark.timeout(3600)
def test_two_hundred_kills_do_not_change_a_bit(hammer: Hammer) -> None:
    runs, before = 0, hammer.kills.total()
    while hammer.kills.total() - before < 200:
        way = runs % len(WAYS)
        assert hammer.killed(way, times=30) == hammer.uninterrupted(way), f"run {runs}: {WAYS[way]}"
        runs += 1
    assert {point for point in Point if any(name.startswith(f"{point} ") for name in hammer.kills)} == set(Point)

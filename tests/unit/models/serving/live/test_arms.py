from collections.abc import Callable
from dataclasses import replace

import pytest

from models.registry.records import RolloutState
from models.registry.standing import Standing
from models.serving.live.arms import Arm, arms
from tests.unit.models.serving.live.standings import AT_REST, CANARY, DONE, NEW, OLD, PREPARING, WATCHING, rollout

LIVE_OLD, LIVE_NEW = (Arm.LIVE, OLD.version), (Arm.LIVE, NEW.version)


def nobody_draws() -> float:
    raise AssertionError("there is nothing to draw")


def lot(number: float) -> Callable[[], float]:
    return lambda: number


@pytest.mark.parametrize("standing", [AT_REST, PREPARING, DONE])
def test_outside_of_canary_and_watch_the_live_model_answers_and_no_lot_is_drawn(standing: Standing) -> None:
    assert arms(standing, nobody_draws) == ((Arm.LIVE, standing.encoder_version),)


def test_in_the_canary_lots_below_the_share_go_to_the_candidate_with_the_live_model_behind_it() -> None:
    assert arms(CANARY, lot(0.49)) == ((Arm.CANDIDATE, NEW.version), LIVE_OLD)


def test_in_the_canary_nobody_falls_back_on_a_candidate_that_is_not_proven() -> None:
    assert arms(CANARY, lot(0.5)) == (LIVE_OLD,)


def test_while_watching_the_two_models_stand_in_for_each_other() -> None:
    previous = (Arm.PREVIOUS, OLD.version)
    assert arms(WATCHING, lot(0.49)) == (previous, LIVE_NEW)
    assert arms(WATCHING, lot(0.5)) == (LIVE_NEW, previous)


def test_a_share_of_nothing_is_given_to_nobody() -> None:
    assert arms(replace(CANARY, rollout=rollout(RolloutState.CANARY, share=0)), lot(0.0)) == (LIVE_OLD,)


def test_a_head_in_the_same_space_changes_nothing_for_searches() -> None:
    same = rollout(RolloutState.CANARY, new=OLD.version)
    assert arms(replace(CANARY, rollout=same), nobody_draws) == (LIVE_OLD,)

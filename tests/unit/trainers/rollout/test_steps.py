from dataclasses import replace

import pytest

from models.registry.records import Rollout, RolloutState
from tests.unit.trainers.rollout.world import BASELINE
from trainers.rollout.config import RolloutConfig
from trainers.rollout.steps import Facts, Move, brought_back, entered_ms, is_switch, moved, next_step

CONFIG = RolloutConfig(
    settle_s=6, prepare_s=60, verify_s=60, canary_s=10, canary_searches=50, canary_limit_s=100, watch_s=30
)
BEGAN = 1_000_000
S = RolloutState


def rollout(state: RolloutState = S.PREPARING, share: float = 0.1, forced: bool = False, head: bool = False) -> Rollout:
    return Rollout(
        rollout_id="8f0f3c52-6f0b-4ad7-9e0a-27f9a3b9a6aa",
        model_version="new",
        encoder_version=BASELINE if head else "new",
        previous_version=BASELINE,
        previous_encoder_version=BASELINE,
        state=state,
        share=share,
        forced=forced,
        requested_by="gate",
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        began_at_ms=BEGAN,
        changed_at_ms=BEGAN,
    )


def facts(after_s: float, **what: object) -> Facts:
    return replace(Facts(now_ms=BEGAN + int(after_s * 1000), live_version=BASELINE), **what)  # type: ignore[arg-type]


def goes_to(one: Rollout, what: Facts) -> RolloutState | None:
    move = next_step(one, what, CONFIG)
    return move.to if move else None


def test_nothing_is_embedded_anew_before_all_writers_can_know_of_the_rollout() -> None:
    assert goes_to(rollout(), facts(5.9, served=True)) is None
    assert goes_to(rollout(), facts(6.0, served=True)) is S.BACKFILLING


def test_nothing_is_embedded_anew_for_a_model_that_cannot_be_served() -> None:
    assert goes_to(rollout(), facts(30)) is None


def test_a_model_that_cannot_be_served_in_time_is_given_up() -> None:
    assert goes_to(rollout(), facts(66.1)) is S.ABORTED


def test_spaces_are_compared_once_all_items_are_embedded_anew() -> None:
    assert goes_to(rollout(S.BACKFILLING), facts(60)) is None
    assert goes_to(rollout(S.BACKFILLING), facts(60, backfilled=True)) is S.VERIFYING


@pytest.mark.parametrize("state", [S.PREPARING, S.BACKFILLING, S.VERIFYING, S.CANARY])
def test_a_model_that_can_embed_nothing_is_given_up_at_once(state: RolloutState) -> None:
    what = facts(20, served=True, backfilled=True, searches=100, impossible="its files are corrupt")
    move = next_step(rollout(state), what, CONFIG)
    assert move == Move(S.ABORTED, "items cannot be embedded with it: its files are corrupt")


def test_a_difference_is_waited_out_for_a_while_and_then_ends_the_rollout_with_its_words() -> None:
    differs = {"difference": "12 items are missing"}
    assert goes_to(rollout(S.VERIFYING), facts(59, **differs)) is None
    move = next_step(rollout(S.VERIFYING), facts(61, **differs), CONFIG)
    assert move == Move(S.ABORTED, "the spaces differ: 12 items are missing")


def test_equal_spaces_begin_the_canary() -> None:
    assert goes_to(rollout(S.VERIFYING), facts(1)) is S.CANARY


def test_without_a_share_for_the_canary_equal_spaces_are_enough() -> None:
    assert goes_to(rollout(S.VERIFYING, share=0), facts(1)) is S.WATCHING


def test_a_canary_needs_its_time_and_its_searches() -> None:
    assert goes_to(rollout(S.CANARY), facts(9, searches=1000)) is None
    assert goes_to(rollout(S.CANARY), facts(90, searches=49)) is None
    assert goes_to(rollout(S.CANARY), facts(10, searches=50)) is S.WATCHING


def test_a_canary_that_few_people_ask_goes_on_in_the_end_by_the_gate_s_word() -> None:
    assert next_step(rollout(S.CANARY), facts(99, searches=3), CONFIG) is None
    move = next_step(rollout(S.CANARY), facts(101, searches=3), CONFIG)
    assert move is not None
    assert move.to is S.WATCHING


def test_a_model_is_watched_for_its_time() -> None:
    watched = rollout(S.WATCHING)
    assert goes_to(watched, facts(29, live_version="new")) is None
    assert goes_to(watched, facts(30, live_version="new")) is S.DONE


def test_a_head_takes_the_short_path() -> None:
    assert goes_to(rollout(head=True), facts(0)) is S.DONE
    assert is_switch(rollout(head=True), Move(S.DONE))


@pytest.mark.parametrize("state", [S.PREPARING, S.BACKFILLING, S.VERIFYING, S.CANARY])
def test_a_candidate_that_was_compared_with_another_model_than_serves_is_given_up(state: RolloutState) -> None:
    assert goes_to(rollout(state), facts(0, live_version="other")) is S.ABORTED


@pytest.mark.parametrize("state", [S.DONE, S.ABORTED, S.ROLLED_BACK])
def test_an_end_is_an_end(state: RolloutState) -> None:
    assert goes_to(rollout(state), facts(10_000)) is None


def test_the_seconds_of_the_steps_add_up_to_the_time_since_the_beginning() -> None:
    one = rollout()
    for to, after_ms in ((S.BACKFILLING, 6_001), (S.VERIFYING, 9_137), (S.CANARY, 9_138), (S.WATCHING, 20_000)):
        one = moved(one, Move(to), BEGAN + after_ms, CONFIG)
        assert entered_ms(one) == BEGAN + after_ms
    assert one.steps == {"prepare": 6.001, "backfill": 3.136, "verify": 0.001, "canary": 10.862}


def test_after_the_switch_the_share_is_that_of_the_previous_model() -> None:
    assert moved(rollout(S.CANARY), Move(S.WATCHING), BEGAN, CONFIG).share == CONFIG.holdback_share


HOUR_MS = 3_600_000


def in_canary(*, hour_ahead_in: RolloutState) -> Rollout:
    """Came to its canary after 30 s, while the clock was an hour ahead since some state."""
    one, ahead = rollout(), 0
    for to, after_ms in ((S.BACKFILLING, 6_000), (S.VERIFYING, 20_000), (S.CANARY, 30_000)):
        ahead = HOUR_MS if ahead or one.state is hour_ahead_in else 0
        one = moved(one, Move(to), BEGAN + after_ms + ahead, CONFIG)
    return one


@pytest.mark.parametrize("state", [S.PREPARING, S.BACKFILLING, S.VERIFYING])
def test_a_clock_that_was_ahead_and_went_back_leaves_each_step_its_time(state: RolloutState) -> None:
    one = in_canary(hour_ahead_in=state)
    assert entered_ms(one) == BEGAN + 30_000 + HOUR_MS
    back = brought_back(one, BEGAN + 30_000)
    assert back is not None
    assert entered_ms(back) == BEGAN + 30_000
    assert back.began_at_ms == BEGAN


def test_what_one_step_took_too_long_by_is_taken_off_it() -> None:
    back = brought_back(in_canary(hour_ahead_in=S.VERIFYING), BEGAN + 30_000)
    assert back is not None
    assert back.steps == {"prepare": 6.0, "backfill": 14.0, "verify": 10.0}


def test_a_rollout_that_began_in_the_future_begins_now() -> None:
    back = brought_back(rollout(), BEGAN - HOUR_MS)
    assert back is not None
    assert entered_ms(back) == BEGAN - HOUR_MS


def test_clocks_that_disagree_a_little_change_nothing() -> None:
    assert brought_back(rollout(), BEGAN - 1000) is None
    assert brought_back(rollout(), BEGAN) is None

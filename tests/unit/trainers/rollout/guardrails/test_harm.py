from collections.abc import Sequence
from dataclasses import replace

import pytest

from models.registry.records import RolloutState
from tests.unit.trainers.rollout.guardrails.searches import clicked, served
from tests.unit.trainers.rollout.test_steps import rollout
from tests.unit.trainers.rollout.world import World
from trainers.rollout.guardrails.config import GuardrailsConfig
from trainers.rollout.guardrails.harm import Harm, Side, harmed_at_once, is_liked, side_of
from trainers.rollout.guardrails.slowness import Latencies


@pytest.fixture
def world() -> World:
    return World()


def test_during_a_canary_the_candidate_is_the_new_model(world: World) -> None:
    canary = rollout(RolloutState.CANARY, share=0.1)
    assert side_of(served(world, "candidate"), canary) == Side(True, 0.1)
    assert side_of(served(world, "live"), canary) == Side(False, 0.1)


def test_after_the_switch_the_live_model_is_the_new_one(world: World) -> None:
    watched = replace(rollout(RolloutState.WATCHING), share=0.2)
    assert side_of(served(world, "live"), watched) == Side(True, 0.8)
    assert side_of(served(world, "previous"), watched) == Side(False, 0.8)


@pytest.mark.parametrize("state", [RolloutState.PREPARING, RolloutState.BACKFILLING, RolloutState.VERIFYING])
def test_without_two_arms_nothing_is_compared(world: World, state: RolloutState) -> None:
    assert side_of(served(world), rollout(state)) is None


def test_an_arm_of_a_newer_release_tells_nothing(world: World) -> None:
    assert side_of(served(world, "shadow"), rollout(RolloutState.CANARY)) is None


def test_a_search_that_failed_was_neither_quick_nor_full(world: World) -> None:
    failed = served(world, hits=(), outcome="failed", latency_ms=1.0)
    assert harmed_at_once(failed, 100.0) == {Harm.FAILED: True, Harm.ABSTAINED: True, Harm.SLOW: True}


def test_an_answer_is_slow_beyond_the_bound_and_empty_without_hits(world: World) -> None:
    slow = served(world, latency_ms=101.0)
    assert harmed_at_once(slow, 100.0) == {Harm.FAILED: False, Harm.ABSTAINED: False, Harm.SLOW: True}
    assert harmed_at_once(served(world, hits=()), 100.0)[Harm.ABSTAINED]


def test_nothing_is_slow_before_anybody_knows_what_slow_is(world: World) -> None:
    assert Harm.SLOW not in harmed_at_once(served(world, latency_ms=10_000.0), None)


@pytest.mark.parametrize(
    ("kind", "value", "liked"),
    [
        ("click", None, True),
        ("dwell", 3.0, True),
        ("rating", 4.0, True),
        ("rating", 2.0, False),
        ("relevance", 0.9, True),
        ("relevance", 0.1, False),
        ("no_result", None, False),
        ("word_of_a_newer_release", None, False),
    ],
)
def test_a_click_or_a_good_word_is_liking(world: World, kind: str, value: float | None, liked: bool) -> None:
    assert is_liked(clicked(served(world), kind, value)) is liked


def bound_ms(world: World, latencies_ms: Sequence[float], **config: float) -> float | None:
    found = Latencies(GuardrailsConfig(**({"slow_at_least_ms": 0.0, "min_latencies": 10} | config)))  # type: ignore[arg-type]
    for latency_ms in latencies_ms:
        found.add(served(world, latency_ms=latency_ms))
    return found.bound_ms()


def test_slow_is_a_multiple_of_what_the_old_model_seldom_needs(world: World) -> None:
    assert bound_ms(world, [*range(1, 101)], slow_quantile=0.95, slow_factor=2) == pytest.approx(2 * 95.05)


def test_a_few_answers_do_not_tell_what_slow_is(world: World) -> None:
    assert bound_ms(world, [10.0] * 9) is None


def test_what_nobody_notices_is_never_slow(world: World) -> None:
    assert bound_ms(world, [1.0] * 20, slow_at_least_ms=100.0) == 100.0


def test_failures_say_nothing_about_latency(world: World) -> None:
    found = Latencies(GuardrailsConfig(min_latencies=1))
    found.add(served(world, outcome="failed"))
    assert found.bound_ms() is None

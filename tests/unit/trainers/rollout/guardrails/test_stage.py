from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from models.registry.records import RolloutState
from schemas.searches import SearchServed
from tests.unit.trainers.rollout.guardrails.searches import Habit, People, clicked, served
from tests.unit.trainers.rollout.world import BASELINE, QUICK, World
from trainers.rollout.beginning import Wish, promote
from trainers.rollout.guardrails.counting import Counts, searches_of_new
from trainers.rollout.guardrails.harm import Harm, Side
from trainers.rollout.guardrails.sequential import Tally
from trainers.rollout.guardrails.slowness import Latencies
from trainers.rollout.guardrails.stage import MARK, guardrails_stage

S = RolloutState
LONG = QUICK.model_copy(update={"canary_share": 0.5, "canary_s": 10_000, "watch_s": 10_000, "holdback_share": 0.5})
GOOD = Habit()


@pytest.fixture
def world() -> World:
    return World(LONG)


def until(world: World, state: RolloutState) -> None:
    while world.rollout().state is not state:
        world.run(0.5)


def canary(world: World) -> People:
    """People who have searched before a canary, and now do during it."""
    people = People(world)
    people.search(50, GOOD, GOOD)
    world.candidate()
    world.run(0.5)
    until(world, S.CANARY)
    return people


def watching(world: World) -> People:
    people = People(world)
    people.search(50, GOOD, GOOD)
    promote(world.registry, world.watch, world.config, world.model("candidate-1"), Wish(force=True), world.clock)
    until(world, S.WATCHING)
    return people


def searches_counted(world: World) -> int:
    """Of both models, as written down."""
    found = counts(world)
    found.read(world.rollout().marks[MARK])
    return found.evidence[Harm.FAILED].new.searches + found.evidence[Harm.FAILED].old.searches


BAD = [
    (Habit(failed=0.5), "failed searches"),
    (Habit(latency_ms=60.0), "slow answers"),
    (Habit(empty=0.6), "answers without results"),
    (Habit(clicked=0.05), "answers without a click"),
]


@pytest.mark.parametrize(("bad", "words"), BAD, ids=[words for _, words in BAD])
def test_a_candidate_that_does_harm_is_given_up_during_the_canary(world: World, bad: Habit, words: str) -> None:
    people = canary(world)
    people.search(400, bad, GOOD)
    gone = world.rollout()
    assert gone.state is S.ABORTED
    assert gone.reason.startswith(words)
    assert world.live() == BASELINE


@pytest.mark.parametrize(("bad", "words"), BAD, ids=[words for _, words in BAD])
def test_a_model_that_does_harm_goes_back_by_itself(world: World, bad: Habit, words: str) -> None:
    people = watching(world)
    people.search(400, bad, GOOD)
    assert world.rollout().state is S.ROLLED_BACK
    [back, release] = world.registry.generations.history()
    assert (back.model_version, back.released_by) == (BASELINE, "guardrails")
    assert back.reason.startswith(words)
    assert release.model_version == "candidate-1"


@pytest.mark.parametrize("start", [canary, watching])
def test_a_model_that_is_as_good_stays(world: World, start: Callable[[World], People]) -> None:
    people = start(world)
    people.search(1000, GOOD, GOOD)
    assert not world.rollout().state.ended


def test_the_reason_names_both_rates_and_how_many_searches_they_are_of(world: World) -> None:
    people = watching(world)
    people.search(400, Habit(empty=1.0), GOOD)
    reason = world.rollout().reason
    assert "answers without results: 100.0% of" in reason
    assert ", 0.0% of" in reason
    assert "and 80 is enough" in reason


def test_how_many_searches_the_candidate_was_given_is_written_down(world: World) -> None:
    people = canary(world)
    people.search(100, GOOD, GOOD)
    assert 30 < searches_of_new(world.rollout().marks[MARK]) < 70


def test_a_restart_goes_on_from_what_was_written_down(world: World) -> None:
    people = canary(world)
    people.search(100, GOOD, GOOD)
    before = searches_of_new(world.rollout().marks[MARK])
    again = People(world, seed=2)
    again.search(100, GOOD, GOOD)
    assert searches_of_new(world.rollout().marks[MARK]) > before + 30


def test_searches_of_another_generation_tell_nothing(world: World) -> None:
    people = canary(world)
    world.clock.now += 0.1
    people.read([served(world).model_copy(update={"generation": 7}), served(world)])
    people.search(1, GOOD, GOOD)
    assert searches_counted(world) == 2


def test_searches_from_before_the_canary_tell_nothing(world: World) -> None:
    old = [served(world) for _ in range(20)]
    people = canary(world)
    world.clock.now += 0.1
    people.read(old)
    people.search(1, GOOD, GOOD)
    assert searches_counted(world) == 1


SIDE = Side(of_new=True, share=0.5)


def counts(world: World) -> Counts:
    config = QUICK.guardrails
    return Counts(config, Latencies(config))


def test_a_search_that_is_read_twice_counts_once(world: World) -> None:
    found, search = counts(world), served(world)
    for _ in range(2):
        found.served(search, SIDE, world.clock.now)
    found.decide(world.clock.now + 10)
    assert found.evidence[Harm.FAILED].new == Tally(1, 0)


def test_the_answer_of_a_stand_in_is_nobodys_search(world: World) -> None:
    found, answer = counts(world), served(world, "live")
    failed = SearchServed.following(
        answer, part="candidate", query_text="red shoes", k=10, policy="vector", model_version="whoever",
        hits=(), latency_ms=1.0, arm="candidate", outcome="failed",
    )  # fmt: skip
    found.served(answer, Side(False, 0.5), world.clock.now)
    found.served(failed, SIDE, world.clock.now)
    found.decide(world.clock.now + 10_000_000)
    assert found.evidence[Harm.FAILED].old == Tally()
    assert found.evidence[Harm.FAILED].new == Tally(1, 1)
    assert found.evidence[Harm.UNCLICKED].new == Tally(1, 1)


def test_a_click_that_is_read_before_its_search_counts(world: World) -> None:
    found, search = counts(world), served(world)
    found.liked(clicked(search))
    found.served(search, SIDE, world.clock.now)
    found.decide(world.clock.now + 10)
    assert found.evidence[Harm.UNCLICKED].new == Tally(1, 0)


def test_a_click_counts_only_once_its_answer_is_old_enough(world: World) -> None:
    found, search = counts(world), served(world)
    found.served(search, SIDE, world.clock.now)
    found.liked(clicked(search))
    found.decide(world.clock.now + 0.9)
    assert found.evidence[Harm.UNCLICKED].new == Tally()
    found.decide(world.clock.now + 1.0)
    assert found.evidence[Harm.UNCLICKED].new == Tally(1, 0)


def test_another_tenants_click_is_no_click(world: World) -> None:
    found, search = counts(world), served(world)
    found.served(search, SIDE, world.clock.now)
    found.liked(clicked(search).model_copy(update={"tenant": "somebody-else"}))
    found.decide(world.clock.now + 10)
    assert found.evidence[Harm.UNCLICKED].new == Tally(1, 1)


def test_what_was_written_down_is_read_as_it_was(world: World) -> None:
    found = counts(world)
    found.slow_ms = 12.5
    found.served(served(world, hits=()), SIDE, world.clock.now)
    found.decide(world.clock.now + 10)
    again = counts(world)
    again.read(found.written())
    assert (again.evidence, again.slow_ms) == (found.evidence, 12.5)


def test_one_server_whose_clock_is_ahead_does_not_blind_the_guardrails(world: World) -> None:
    people = canary(world)
    people.read([served(world, occurred_at=datetime.fromtimestamp(world.clock.now + 3600, UTC))])
    people.search(400, Habit(failed=0.5), GOOD)
    assert world.rollout().state is S.ABORTED


def test_two_who_guard_one_rollout_would_be_wrong_twice_as_often_so_one_does(world: World) -> None:
    assert guardrails_stage(world.registry, world.watch, LONG).alone

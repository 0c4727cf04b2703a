from itertools import pairwise

import pytest

from models.registry.records import RolloutState
from schemas.training import ModelReleased, RolloutProgressed
from streams.errors import Unavailable
from tests.contract.clocks import HandClock
from tests.unit.trainers.rollout.guardrails.searches import Habit, People
from tests.unit.trainers.rollout.world import BASELINE, QUICK, World, generations_without_a_gap
from trainers.rollout.beginning import Wish, promote
from trainers.rollout.guardrails.counting import searches_of_new
from trainers.rollout.guardrails.stage import MARK


@pytest.fixture
def world() -> World:
    return World()


def test_a_model_that_the_gate_let_through_serves_in_the_end(world: World) -> None:
    world.candidate()
    world.run(20)
    assert world.rollout().state is RolloutState.DONE
    assert world.live() == "candidate-1"


def test_every_step_is_told_once_and_in_order(world: World) -> None:
    world.candidate()
    world.run(20)
    assert world.steps_told() == [
        "prepare began",
        "prepare done",
        "backfill began",
        "backfill done",
        "verify began",
        "verify done",
        "canary began",
        "canary done",
        "switch done",
        "watch began",
        "watch done",
        "drain began",
        "drain done",
    ]


def test_the_release_is_told_with_its_reason_and_names_what_served_before(world: World) -> None:
    world.candidate()
    world.run(20)
    [release] = [one for one in world.told() if isinstance(one, ModelReleased)]
    assert (release.generation, release.model_version, release.previous_version) == (1, "candidate-1", BASELINE)
    assert (release.reason, release.released_by) == ("the gate let it through", "gate")


def test_the_steps_until_the_switch_add_up_to_the_time_until_it(world: World) -> None:
    world.candidate()
    began = world.clock.now
    while world.live() == BASELINE:
        world.run(0.25, step_s=0.25)
    assert sum(world.rollout().steps.values()) == pytest.approx(world.clock.now - 0.25 - began, abs=0.01)


def test_how_many_items_were_embedded_anew_is_told(world: World) -> None:
    world.candidate()
    world.run(20)
    [told] = [one for one in world.told() if isinstance(one, RolloutProgressed) and one.step == "backfill" and one.done]
    assert (told.done, told.total) == (7, 7)


def test_the_previous_space_stays_while_the_new_model_is_watched_and_goes_after_the_drain(world: World) -> None:
    world.candidate()
    world.run(5)
    assert world.rollout().state is RolloutState.WATCHING
    assert world.rooms.names == {BASELINE, "candidate-1"}
    world.run(15)
    assert world.rooms.names == {"candidate-1"}


def test_the_space_of_a_candidate_that_was_given_up_goes(world: World) -> None:
    world.difference = "12 items are missing"
    world.candidate()
    world.run(700, step_s=5)
    assert world.rollout().state is RolloutState.ABORTED
    assert "12 items are missing" in world.rollout().reason
    assert world.rooms.names == {BASELINE}
    assert world.live() == BASELINE


def test_a_space_that_no_rollout_has_left_behind_is_not_ours_to_remove(world: World) -> None:
    world.rooms.names.add("somebody-elses")
    world.candidate()
    world.run(20)
    assert world.rooms.names == {"candidate-1", "somebody-elses"}


def test_a_space_that_a_new_rollout_writes_again_stays(world: World) -> None:
    world.difference = "12 items are missing"
    world.candidate()
    world.run(608, step_s=1)
    world.difference = ""
    assert world.rollout().state is RolloutState.ABORTED
    world.clock.now += 60
    world.verdict("candidate-1")
    promote(world.registry, world.watch, world.config, "candidate-1", Wish(), world.clock)
    world.run(4)
    assert "candidate-1" in world.rooms.names


def test_a_head_serves_at_once_and_leaves_the_space_alone(world: World) -> None:
    world.candidate("head-1", encoder=BASELINE)
    world.run(1)
    assert world.live() == "head-1"
    assert world.rollout().state is RolloutState.DONE
    assert world.rooms.names == {BASELINE}
    assert world.steps_told() == ["prepare began", "prepare done", "switch done"]


def test_two_conductors_take_every_step_once(world: World) -> None:
    world.candidate()
    one, other = world.conductor(), world.conductor()
    with generations_without_a_gap(world):
        for _ in range(60):
            one.look()
            other.look()
            world.backfill()
            world.clock.now += 0.25
    told = world.steps_told()
    assert len(told) == len(set(told))
    assert "drain done" in told


def test_a_verdict_waits_while_another_rollout_is_under_way_and_goes_if_that_fails(world: World) -> None:
    world.candidate("candidate-1")
    world.run(1)
    world.candidate("candidate-2")
    world.difference = "12 items are missing"
    world.run(604, step_s=1)
    assert world.rollout().model_version == "candidate-2"


def test_a_verdict_that_waited_is_stale_if_the_other_model_went_live(world: World) -> None:
    world.candidate("candidate-1")
    world.run(1)
    world.candidate("candidate-2")
    world.run(30)
    assert [one.model_version for one in world.registry.rollouts.list()] == ["candidate-1"]


def test_nothing_begins_by_itself_where_releases_are_not_automatic() -> None:
    world = World(QUICK.model_copy(update={"automatic": False}))
    world.candidate()
    world.run(5)
    assert world.registry.rollouts.list() == []


def test_a_model_that_needs_approval_waits_for_a_person(world: World) -> None:
    world.verdict(world.model("candidate-1"), needs_approval=True)
    world.run(5)
    assert world.registry.rollouts.list() == []


def test_a_comparison_rests_for_as_long_as_it_took(world: World) -> None:
    world.candidate()
    world.difference = "an item is on its way"
    conductor, compared = world.conductor(), list[float]()

    def slowly(rollout: object) -> str:
        compared.append(world.clock.now)
        world.clock.now += 7
        return world.difference

    conductor._difference = slowly
    for _ in range(100):
        conductor.look()
        world.backfill()
        world.clock.now += 1
    assert {later - earlier for earlier, later in pairwise(compared)} == {14}


def test_what_was_found_for_one_rollout_says_nothing_of_the_next() -> None:
    world = World(QUICK.model_copy(update={"verify_every_s": 3600, "watch_s": 0}))
    conductor = world.conductor()

    def looked(times: int) -> None:
        for _ in range(times):
            conductor.look()
            world.backfill()
            world.clock.now += 1

    world.candidate("candidate-1")
    looked(30)
    assert world.live() == "candidate-1"
    world.difference = "12 items are missing"
    world.candidate("candidate-2")
    looked(700)
    assert world.rollout().reason == "the spaces differ: 12 items are missing"


def test_a_comparison_that_cannot_be_made_is_a_difference(world: World) -> None:
    world.candidate()
    conductor = world.conductor()

    def away(rollout: object) -> str:
        raise Unavailable("the index does not answer")

    conductor._difference = away
    for _ in range(700):
        conductor.look()
        world.backfill()
        world.clock.now += 1
    assert world.rollout().reason == "the spaces differ: the index does not answer"


def test_the_space_of_a_candidate_that_is_tried_again_meanwhile_stays(world: World) -> None:
    world.difference = "12 items are missing"
    world.candidate()
    conductor = world.conductor()
    conductor.look()
    while not world.rollout().state.ended:
        while conductor.look() or world.backfill():
            pass
        world.clock.now += 5
    world.clock.now += world.config.drain_s

    def again() -> None:
        world.rooms.meanwhile = lambda: None
        promote(world.registry, world.watch, world.config, "candidate-1", Wish(force=True), world.clock)

    world.rooms.meanwhile = again
    conductor.look()
    assert world.rollout().state is RolloutState.PREPARING
    assert "candidate-1" in world.rooms.names


class Jumpy(HandClock):
    """Its time of day may be wrong; what it measures is not."""

    ahead = 0.0

    def time(self) -> float:
        return super().time() + self.ahead


def jumped() -> tuple[World, People]:
    """A canary that began while the clock was an hour ahead; now it is right again."""
    clock = Jumpy()
    world = World(clock=clock)
    people = People(world)
    people.search(50, Habit(), Habit())
    world.candidate()
    world.run(0.5)
    clock.ahead = 3600
    world.run(0.5)
    assert world.rollout().state is RolloutState.CANARY
    clock.ahead = 0
    return world, people


def test_a_clock_that_jumped_ahead_and_back_does_not_stop_a_rollout() -> None:
    world, _ = jumped()
    world.run(20)
    assert world.rollout().state is RolloutState.DONE
    assert sum(world.rollout().steps.values()) < 20


def test_a_clock_that_jumped_ahead_and_back_does_not_blind_the_guardrails() -> None:
    world, people = jumped()
    world.run(0.5)
    people.search(80, Habit(failed=1.0), Habit())
    assert searches_of_new(world.rollout().marks[MARK]) > 0

import pytest

from models.registry.records import Generation, Rollout, RolloutState
from schemas.event import Event
from schemas.training import ReleaseKind
from tests.unit.trainers.rollout.world import BASELINE, World, generations_without_a_gap
from trainers.rollout.beginning import NotReleasable, Wish
from trainers.rollout.going_back import line_of_models, roll_back, sent_back

S = RolloutState


@pytest.fixture
def world() -> World:
    return World()


def back(world: World, **wish: object) -> Rollout:
    return roll_back(world.registry, world.watch, world.config, Wish(**wish), world.clock)  # type: ignore[arg-type]


def until(world: World, state: RolloutState) -> None:
    while not (rollouts := world.registry.rollouts.list(1)) or rollouts[0].state is not state:
        world.run(0.5)


def test_a_model_that_is_watched_goes_back_at_once(world: World) -> None:
    world.candidate()
    until(world, S.WATCHING)
    with generations_without_a_gap(world):
        gone = back(world, reason="people complain", by="ada")
    assert gone.state is S.ROLLED_BACK
    assert world.live() == BASELINE
    assert world.registry.generations.history(1)[0].reason == "people complain"
    assert world.steps_told()[-3:] == ["watch failed", "roll_back done", "drain began"]


def test_the_same_wish_to_go_back_goes_back_once(world: World) -> None:
    """Whoever asked died before the answer, and asks again."""
    world.candidate()
    until(world, S.DONE)
    first = world.live()
    world.candidate("candidate-2")
    until(world, S.WATCHING)
    wish = Event()
    gone = back(world, cause=wish)
    assert back(world, cause=wish).rollout_id == gone.rollout_id
    world.run(20)
    assert world.live() == first


def test_the_space_of_a_model_that_went_back_is_removed_after_the_drain(world: World) -> None:
    world.candidate()
    until(world, S.WATCHING)
    back(world)
    world.run(0.5)
    assert world.rooms.names == {BASELINE, "candidate-1"}
    world.run(2)
    assert world.rooms.names == {BASELINE}


def test_a_model_that_went_back_is_not_released_again_by_its_old_verdict(world: World) -> None:
    world.candidate()
    until(world, S.WATCHING)
    back(world)
    world.run(20)
    assert world.live() == BASELINE


def test_a_candidate_that_does_not_serve_yet_is_given_up(world: World) -> None:
    world.candidate()
    until(world, S.CANARY)
    gone = back(world, reason="not today")
    assert (gone.state, gone.reason) == (S.ABORTED, "not today")
    assert world.registry.generations.history() == []


def test_once_the_previous_space_is_gone_the_way_back_is_a_rollout_without_canary(world: World) -> None:
    world.candidate()
    until(world, S.DONE)
    begun = back(world, reason="people complain")
    assert (begun.model_version, begun.encoder_version, begun.forced) == (BASELINE, BASELINE, True)
    assert begun.reason == f"back to {BASELINE}: people complain"
    with generations_without_a_gap(world):
        world.run(20)
    assert world.live() == BASELINE


def test_heads_of_one_encoder_go_back_at_once(world: World) -> None:
    world.candidate("head-1", encoder=BASELINE)
    until(world, S.DONE)
    gone = back(world, reason="worse labels")
    assert (gone.state, gone.generation, gone.reason) == (S.DONE, 2, f"back to {BASELINE}: worse labels")
    assert world.live() == BASELINE


def test_going_back_twice_goes_further_back_and_not_forth(world: World) -> None:
    for version in ("head-1", "head-2"):
        world.candidate(version, encoder=BASELINE)
        until(world, S.DONE)
        world.run(1)
    back(world)
    assert world.live() == "head-1"
    back(world)
    world.run(2)
    assert world.live() == BASELINE


def test_there_is_no_way_back_from_the_beginning(world: World) -> None:
    with pytest.raises(NotReleasable, match="what this installation began with"):
        back(world)


def test_a_dry_run_changes_nothing(world: World) -> None:
    world.candidate()
    until(world, S.WATCHING)
    back(world, dry_run=True)
    assert world.live() == "candidate-1"


def test_a_rollout_that_has_ended_is_not_sent_back(world: World) -> None:
    world.candidate()
    until(world, S.DONE)
    ended = world.rollout().rollout_id
    assert sent_back(world.registry, ended, "late", "guardrails", world.config, world.clock) is None


def test_marks_that_others_write_meanwhile_do_not_stop_the_way_back(world: World) -> None:
    world.candidate()
    until(world, S.WATCHING)
    stale = world.rollout()
    assert world.registry.rollouts.change(stale) is not None
    gone = sent_back(world.registry, stale.rollout_id, "worse", "guardrails", world.config, world.clock)
    assert gone is not None
    assert world.live() == BASELINE


def generation(number: int, model: str, previous: str, kind: ReleaseKind = ReleaseKind.RELEASE) -> Generation:
    return Generation(number, model, model, previous, previous, kind, "", "", 0)


def test_the_line_of_models_leaves_out_what_was_taken_back() -> None:
    history = [
        generation(1, "a", "0"),
        generation(2, "b", "a"),
        generation(3, "a", "b", ReleaseKind.ROLLBACK),
        generation(4, "c", "a"),
    ]
    assert [model for model, _ in line_of_models(history[::-1])] == ["0", "a", "c"]


def test_a_release_of_the_model_before_counts_as_going_back() -> None:
    history = [generation(1, "a", "0"), generation(2, "0", "a")]
    assert line_of_models(history) == [("0", "0")]

import pytest
from sqlalchemy import Connection, event

from models.registry.records import RolloutState
from schemas.event import Event
from schemas.training import RolloutProgressed
from streams.errors import BadRecord
from streams.record import Origin
from streams.stage import Incoming, Outcome
from tests.unit.trainers.rollout.world import BASELINE, QUICK, World
from trainers.rollout.beginning import NotReleasable, Wish, promote
from trainers.rollout.going_back import roll_back
from trainers.rollout.stage import rollout_stage


@pytest.fixture
def world() -> World:
    return World()


def outcome(world: World, fact: Event) -> Outcome:
    stage = rollout_stage(world.registry, world.watch, world.config, world.clock)
    [found] = stage.outcomes([Incoming(fact, Origin("models.evaluated", 0, 0))])
    return found


def test_a_passed_verdict_begins_a_rollout_under_its_own_id(world: World) -> None:
    verdict = world.candidate()
    assert outcome(world, verdict) == ()
    rollout = world.rollout()
    assert (rollout.rollout_id, rollout.requested_by) == (str(verdict.event_id), "gate")
    assert (rollout.state, rollout.share) == (RolloutState.PREPARING, QUICK.canary_share)


def test_the_tick_tells_of_the_beginning_once(world: World) -> None:
    stage = rollout_stage(world.registry, world.watch, world.config, world.clock)
    verdict = world.candidate()
    for _ in range(2):
        stage.outcomes([Incoming(verdict, Origin("models.evaluated", 0, 0))])
    assert stage.tick is not None
    assert [type(one) for one in stage.tick()] == [RolloutProgressed]
    assert stage.tick() == []


@pytest.mark.parametrize("what", [{"passed": False}, {"needs_approval": True}], ids=["refused", "to be approved"])
def test_a_verdict_that_does_not_release_begins_nothing(world: World, what: dict[str, bool]) -> None:
    assert outcome(world, world.verdict(world.model("candidate-1"), **what)) == ()
    assert world.registry.rollouts.list() == []


def test_a_verdict_against_a_model_that_no_longer_serves_is_told_as_not_released(world: World) -> None:
    late = world.candidate("candidate-1")
    world.candidate("candidate-2")
    promote(world.registry, world.watch, world.config, "candidate-2", Wish(force=True), world.clock)
    world.run(20)
    told = outcome(world, late)
    assert isinstance(told, tuple)
    [progressed] = told
    assert isinstance(progressed, RolloutProgressed)
    assert progressed.detail == f"not released: it was compared with {BASELINE}, and candidate-2 serves"
    assert told == outcome(world, late)


def test_a_model_that_was_sent_back_is_tried_again_by_people_alone(world: World) -> None:
    promote(world.registry, world.watch, world.config, world.model("candidate-1"), Wish(force=True), world.clock)
    world.run(3)
    roll_back(world.registry, world.watch, world.config, Wish(reason="complaints"), world.clock)
    world.clock.now += 60
    again = world.verdict("candidate-1")
    told = outcome(world, again)
    assert isinstance(told, tuple)
    [progressed] = told
    assert isinstance(progressed, RolloutProgressed)
    assert progressed.detail == "not released: it was on its way before; `millrace release` tries it again"
    assert (world.live(), len(world.registry.rollouts.list())) == (BASELINE, 1)
    promote(world.registry, world.watch, world.config, "candidate-1", Wish(), world.clock)
    assert world.rollout().state is RolloutState.PREPARING


def test_a_verdict_on_a_model_that_is_not_registered_is_a_dead_letter(world: World) -> None:
    found = outcome(world, world.verdict("nobody-knows"))
    assert isinstance(found, BadRecord)
    assert found.reason == "unknown_model"


def refusal(world: World, version: str, **wish: object) -> str:
    with pytest.raises(NotReleasable) as raised:
        promote(world.registry, world.watch, world.config, version, Wish(**wish), world.clock)  # type: ignore[arg-type]
    return raised.value.detail


def test_a_person_cannot_release_what_is_not_there(world: World) -> None:
    assert "there is no model candidate-1" in refusal(world, "candidate-1")


def test_a_person_cannot_release_what_nobody_has_judged(world: World) -> None:
    assert "run `millrace eval candidate-1`, or add --force" in refusal(world, world.model("candidate-1"))


def test_a_person_is_told_why_the_gate_refused(world: World) -> None:
    world.verdict(world.model("candidate-1"), passed=False)
    assert "recall@10 is worse by 0.2. Add --force" in refusal(world, "candidate-1")


def test_a_person_cannot_release_what_serves_already(world: World) -> None:
    world.candidate()
    world.run(20)
    assert refusal(world, "candidate-1") == "candidate-1 serves already, as generation 1"


def test_a_person_cannot_release_while_another_rollout_is_under_way(world: World) -> None:
    world.candidate()
    world.run(1)
    world.candidate("candidate-2")
    assert "the rollout of candidate-1 is under way" in refusal(world, "candidate-2", force=True)


def test_a_person_cannot_release_by_an_old_verdict(world: World) -> None:
    world.verdict(world.model("candidate-1"), needs_approval=True)
    world.candidate("candidate-2")
    world.run(20)
    assert f"compared with {BASELINE}, and candidate-2 serves" in refusal(world, "candidate-1")


def test_a_verdict_that_waits_for_approval_is_approved_by_releasing_it(world: World) -> None:
    world.verdict(world.model("candidate-1"), needs_approval=True)
    rollout = promote(world.registry, world.watch, world.config, "candidate-1", Wish(by="ada"), world.clock)
    assert (rollout.requested_by, rollout.forced, rollout.share) == ("ada", False, QUICK.canary_share)
    world.run(20)
    assert world.live() == "candidate-1"


def test_a_forced_release_needs_no_verdict_and_has_no_canary(world: World) -> None:
    promote(world.registry, world.watch, world.config, world.model("candidate-1"), Wish(force=True), world.clock)
    world.run(20)
    assert world.live() == "candidate-1"
    assert not any(step.startswith("canary") for step in world.steps_told())


def test_asked_again_for_the_same_reason_nothing_new_begins(world: World) -> None:
    world.model("candidate-1")
    wish = Wish(force=True, cause=Event())
    first = promote(world.registry, world.watch, world.config, "candidate-1", wish, world.clock)
    world.run(20)
    again = promote(world.registry, world.watch, world.config, "candidate-1", wish, world.clock)
    assert again.rollout_id == first.rollout_id
    assert len(world.registry.rollouts.list()) == 1


def test_a_dry_run_begins_nothing(world: World) -> None:
    world.model("candidate-1")
    promote(world.registry, world.watch, world.config, "candidate-1", Wish(force=True, dry_run=True), world.clock)
    assert world.registry.rollouts.list() == []


def test_the_share_of_the_canary_can_be_chosen(world: World) -> None:
    world.candidate()
    wish = Wish(canary_share=0.25)
    assert promote(world.registry, world.watch, world.config, "candidate-1", wish, world.clock).share == 0.25


def test_waiting_for_other_writers_is_no_part_of_the_time_to_settle() -> None:
    world = World(QUICK.model_copy(update={"settle_s": 2.0}))
    model = world.model("candidate-1")

    def busy(connection: Connection) -> None:
        if not connection.get_execution_options().get("reading"):
            world.clock.now += 10

    event.listen(world.registry.engine, "begin", busy)
    promote(world.registry, world.watch, world.config, model, Wish(force=True), world.clock)
    event.remove(world.registry.engine, "begin", busy)
    conductor = world.conductor()
    conductor.look()
    assert world.rollout().state is RolloutState.PREPARING
    world.clock.now += 2
    conductor.look()
    assert world.rollout().state is RolloutState.BACKFILLING

"""What generations, rollouts and evaluations must do in every database. Subclasses say how to open an empty one."""

from dataclasses import replace

from models.registry.records import RolloutState
from models.registry.registry import Registry
from models.registry.standing import standing
from models.registry.stores.announcements import EVALUATION, ROLLOUT
from schemas.training import Metric, ModelEvaluated, ModelReleased, ReleaseKind
from tests.contract.clocks import HandClock
from tests.contract.registry import TRACE, RegistryContract, rollout, step, told


def evaluated(version: str = "m-1", passed: bool = True) -> ModelEvaluated:
    metric = Metric(name="recall", candidate=0.6, live=0.5, low=0.05, high=0.15)
    return ModelEvaluated(model_version=version, metrics=(metric,), passed=passed, reasons=("better",), seed=1)


class GenerationsContract(RegistryContract):
    def test_before_the_first_release_nothing_is_live(self, registry: Registry) -> None:
        assert registry.generations.live() is None
        assert registry.generations.history() == []

    def test_a_switch_makes_the_next_generation_moves_the_rollout_and_tells_of_it(
        self, registry: Registry, clock: HandClock
    ) -> None:
        registry.rollouts.begin(rollout(1))
        after = registry.rollouts.switch(rollout(1, share=0.1), 0, ReleaseKind.RELEASE, "better", "gate", [step(1)])
        live = registry.generations.live()
        assert after is not None
        assert (after.state, after.generation, after.revision, after.share) == (RolloutState.WATCHING, 1, 1, 0.1)
        assert registry.rollouts.current() == after
        assert live is not None
        assert (live.number, live.model_version, live.previous_version, live.released_by) == (1, "m-1", "m-0", "gate")
        began, released = told(registry, ROLLOUT)
        assert began == step(1)
        assert isinstance(released, ModelReleased)
        assert (released.generation, released.model_version, released.kind) == (1, "m-1", ReleaseKind.RELEASE)
        assert released.traceparent[:36] == TRACE[:36]

    def test_a_switch_from_a_generation_that_no_longer_serves_changes_nothing(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        assert registry.rollouts.switch(rollout(1), 3, ReleaseKind.RELEASE) is None
        assert registry.generations.live() is None
        assert registry.rollouts.current() == rollout(1)
        assert told(registry, ROLLOUT) == []

    def test_a_switch_of_a_rollout_that_was_changed_meanwhile_changes_nothing(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        registry.rollouts.change(rollout(1, state=RolloutState.CANARY))
        assert registry.rollouts.switch(rollout(1), 0, ReleaseKind.RELEASE) is None
        assert registry.generations.live() is None
        assert told(registry, ROLLOUT) == []

    def test_a_switch_that_replaces_another_model_than_the_one_that_serves_changes_nothing(
        self, registry: Registry
    ) -> None:
        registry.rollouts.begin(rollout(1))
        registry.rollouts.switch(rollout(1, state=RolloutState.DONE), 0, ReleaseKind.RELEASE)
        registry.rollouts.begin(rollout(2, previous_version="m-1"))
        assert registry.rollouts.switch(rollout(2, previous_version="m-0"), 1, ReleaseKind.RELEASE) is None
        assert [one.number for one in registry.generations.history()] == [1]

    def test_a_rollback_is_a_generation_of_its_own_and_ends_the_rollout(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        watching = registry.rollouts.switch(rollout(1), 0, ReleaseKind.RELEASE)
        assert watching is not None
        after = registry.rollouts.switch(watching, 1, ReleaseKind.ROLLBACK, "errors", "guardrails")
        live = registry.generations.live()
        assert after is not None
        assert (after.state, after.generation, after.reason) == (RolloutState.ROLLED_BACK, 1, "errors")
        assert registry.rollouts.current() is None
        assert live is not None
        assert (live.number, live.model_version, live.previous_version) == (2, "m-0", "m-1")
        assert live.kind is ReleaseKind.ROLLBACK

    def test_each_generation_is_told_under_an_id_of_its_own(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        watching = registry.rollouts.switch(rollout(1), 0, ReleaseKind.RELEASE)
        assert watching is not None
        registry.rollouts.switch(watching, 1, ReleaseKind.ROLLBACK)
        events = told(registry, ROLLOUT)
        assert [event.generation for event in events if isinstance(event, ModelReleased)] == [1, 2]
        assert len({event.event_id for event in events}) == 2

    def test_the_generations_of_a_model_are_found(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        watching = registry.rollouts.switch(rollout(1), 0, ReleaseKind.RELEASE)
        assert watching is not None
        registry.rollouts.switch(watching, 1, ReleaseKind.ROLLBACK)
        assert [one.number for one in registry.generations.of_model("m-1")] == [1]

    def test_an_alias_changes_only_from_the_revision_that_was_read(self, registry: Registry) -> None:
        aliases = registry.generations
        assert aliases.set_alias("champion", "m-1")
        assert not aliases.set_alias("champion", "m-2")
        assert aliases.set_alias("champion", "m-2", expected_revision=1)
        assert not aliases.set_alias("champion", "m-3", expected_revision=1)
        found = aliases.alias("champion")
        assert found is not None
        assert (found.version, found.revision) == ("m-2", 2)
        assert aliases.aliases() == [found]
        assert aliases.alias("nobody") is None


class RolloutsContract(RegistryContract):
    def test_one_rollout_is_under_way_at_a_time(self, registry: Registry) -> None:
        began = [registry.rollouts.begin(rollout(number), [step(number)]) for number in (1, 2)]
        assert began == [True, False]
        assert told(registry, ROLLOUT) == [step(1)]
        assert registry.rollouts.current() == rollout(1)

    def test_a_rollout_is_read_back_as_it_was(self, registry: Registry) -> None:
        said = rollout(1, marks={"0": [3, 7]}, steps={"prepare": 1.5}, reason="a reason", forced=True)
        registry.rollouts.begin(said)
        assert registry.rollouts.get(said.rollout_id) == said

    def test_a_change_needs_the_revision_that_was_read_last(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        changed = registry.rollouts.change(rollout(1, state=RolloutState.CANARY), [step(1)])
        assert changed is not None
        assert (changed.revision, changed.state) == (1, RolloutState.CANARY)
        assert registry.rollouts.change(rollout(1, state=RolloutState.ABORTED), [step(2)]) is None
        assert registry.rollouts.current() == changed
        assert told(registry, ROLLOUT) == [step(1)]

    def test_an_ended_rollout_makes_room_and_never_goes_on(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        ended = registry.rollouts.change(rollout(1, state=RolloutState.ABORTED, reason="parity"))
        assert ended is not None
        assert registry.rollouts.change(replace(ended, state=RolloutState.CANARY)) is None
        assert registry.rollouts.begin(rollout(2))
        assert [one.rollout_id for one in registry.rollouts.list()] == [rollout(2).rollout_id, ended.rollout_id]

    def test_a_rollout_begins_only_from_the_model_that_serves(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        registry.rollouts.switch(rollout(1, state=RolloutState.DONE), 0, ReleaseKind.RELEASE)
        assert not registry.rollouts.begin(rollout(2, previous_version="m-0"))
        assert registry.rollouts.begin(rollout(2, previous_version="m-1"))

    def test_a_rollout_that_ended_does_not_begin_again(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1))
        registry.rollouts.change(rollout(1, state=RolloutState.ABORTED))
        assert not registry.rollouts.begin(rollout(1))

    def test_the_standing_has_the_generation_and_the_rollout(self, registry: Registry) -> None:
        assert standing(registry, "built-in").model_version == "built-in"
        registry.rollouts.begin(rollout(1))
        assert standing(registry, "m-0").written == ("m-0", "m-1")
        watching = registry.rollouts.switch(rollout(1), 0, ReleaseKind.RELEASE)
        found = standing(registry, "m-0")
        assert (found.generation, found.model_version, found.encoder_version) == (1, "m-1", "m-1")
        assert found.rollout == watching


class EvaluationsContract(RegistryContract):
    def test_an_evaluation_is_asked_for_once(self, registry: Registry) -> None:
        asked = [registry.evaluations.ask("e-1", "m-1", "{}") for _ in range(2)]
        assert asked == [True, False]
        assert [one.evaluation_id for one in registry.evaluations.open()] == ["e-1"]

    def test_a_verdict_is_kept_and_told_together_and_once(self, registry: Registry) -> None:
        registry.evaluations.ask("e-1", "m-1", "{}")
        verdict = evaluated()
        assert registry.evaluations.finish("e-1", verdict)
        assert not registry.evaluations.finish("e-1", evaluated(passed=False))
        assert registry.evaluations.open() == []
        assert registry.evaluations.latest("m-1") == verdict
        assert told(registry, EVALUATION) == [verdict]

    def test_an_evaluation_that_failed_says_why_and_has_no_verdict(self, registry: Registry) -> None:
        registry.evaluations.ask("e-1", "m-1", "{}")
        assert registry.evaluations.fail("e-1", "no evaluation set")
        [found] = registry.evaluations.list()
        assert (found.failure, found.verdict) == ("no evaluation set", None)
        assert registry.evaluations.latest("m-1") is None
        assert told(registry, EVALUATION) == []

    def test_the_latest_verdict_counts(self, registry: Registry, clock: HandClock) -> None:
        for number, passed in enumerate((False, True)):
            registry.evaluations.ask(f"e-{number}", "m-1", "{}")
            registry.evaluations.finish(f"e-{number}", evaluated(passed=passed))
            clock.now += 1
        verdict = registry.evaluations.latest("m-1")
        assert verdict is not None
        assert verdict.passed

    def test_an_evaluation_nobody_asked_for_has_no_verdict(self, registry: Registry) -> None:
        assert not registry.evaluations.finish("e-1", evaluated())
        assert registry.evaluations.get("e-1") is None


class AnnouncementsContract(RegistryContract):
    def test_what_was_given_is_given_again_until_the_next_tick(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1), [step(1), step(2)])
        assert told(registry, ROLLOUT) == told(registry, ROLLOUT) == [step(1), step(2)]

    def test_what_was_published_is_not_given_again(self, registry: Registry) -> None:
        announcements = registry.announcements(ROLLOUT)
        registry.rollouts.begin(rollout(1), [step(1)])
        first = announcements.tick()
        registry.rollouts.change(rollout(1), [step(2)])
        assert (first, announcements.tick(), announcements.tick()) == ([step(1)], [step(2)], [])

    def test_a_stage_is_given_its_own(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1), [step(1)])
        assert told(registry, EVALUATION) == []

    def test_an_event_that_is_put_twice_is_told_once(self, registry: Registry) -> None:
        registry.rollouts.begin(rollout(1), [step(1), step(2)])
        registry.rollouts.change(rollout(1), [step(1), step(3)])
        assert told(registry, ROLLOUT) == [step(1), step(2), step(3)]

"""What the registry must do in every database. Subclasses say how to open an empty one."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from models.registry.errors import LeaseLost
from models.registry.records import JobState, Model, ModelKind, Progress, Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.stores.announcements import TRAINING
from schemas.event import Event
from schemas.training import Artifact, ModelTrained, RolloutProgressed, TrainingRequested
from streams.errors import Misconfigured
from tests.contract.clocks import HandClock

SHA = "ab" * 32
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def model(version: str = "m-1", **fields: Any) -> Model:
    said = {"recipe": "default", "recipe_sha256": SHA, "snapshot_sha256": SHA, "job_id": "j"}
    artifact = Artifact(path="image-tower.safetensors", sha256=SHA, length=3)
    return Model(version, ModelKind.ENCODER, version, **(said | {"artifacts": (artifact,)} | fields))


def request(job_id: str = "job-1", **fields: Any) -> TrainingRequested:
    return TrainingRequested(job_id=job_id, **({"cause": "manual", "traceparent": TRACE} | fields))


def trained(version: str = "m-1") -> ModelTrained:
    return ModelTrained(
        job_id="job-1", model_version=version, snapshot_sha256=SHA, recipe_sha256=SHA, artifacts=(), seconds=1
    )


def rollout(number: int = 1, **fields: Any) -> Rollout:
    said: dict[str, Any] = {
        "model_version": f"m-{number}",
        "encoder_version": f"m-{number}",
        "previous_version": "m-0",
        "previous_encoder_version": "m-0",
        "state": RolloutState.PREPARING,
        "share": 0.05,
        "forced": False,
        "requested_by": "gate",
        "traceparent": TRACE,
        "began_at_ms": number,
        "changed_at_ms": number,
    }
    return Rollout(str(UUID(int=number)), **(said | fields))


def step(number: int) -> RolloutProgressed:
    said = {"rollout_id": "r", "model_version": "m", "step": "prepare", "state": "began"}
    moment = datetime.fromtimestamp(1_790_000_000, UTC)
    return RolloutProgressed(event_id=UUID(int=1000 + number), occurred_at=moment, traceparent=TRACE, **said)


def told(registry: Registry, stage: str) -> Sequence[Event]:
    return registry.announcements(stage).tick()


class RegistryContract:
    """Subclasses provide the fixture `engine`: an empty database."""

    @pytest.fixture
    def engine(self) -> Engine:
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> HandClock:
        return HandClock()

    @pytest.fixture
    def registry(self, engine: Engine, clock: HandClock) -> Registry:
        registry = Registry(engine, clock)
        registry.create_tables()
        return registry


class ModelsContract(RegistryContract):
    def test_a_registered_model_is_read_back_as_it_was(self, registry: Registry) -> None:
        said = model(facts={"seed": 7, "loss": 0.5}, seconds=1.5, parent_version="m-0", created_at_ms=5)
        registry.models.register(said)
        assert registry.models.get("m-1") == said

    def test_a_version_nobody_registered_is_none(self, registry: Registry) -> None:
        assert registry.models.get("m-1") is None

    def test_the_same_model_again_changes_nothing(self, registry: Registry) -> None:
        registry.models.register(model(seconds=1.0))
        registry.models.register(model(seconds=2.0, job_id="another"))
        [only] = registry.models.list()
        assert only.seconds == 1.0

    def test_a_version_never_becomes_another_model(self, registry: Registry) -> None:
        registry.models.register(model())
        with pytest.raises(Misconfigured, match="m-1 is registered with other artifacts"):
            registry.models.register(model(artifacts=(Artifact(path="other", sha256="cd" * 32, length=1),)))

    def test_the_same_weights_of_another_snapshot_keep_the_lineage_that_they_have(self, registry: Registry) -> None:
        first = registry.models.register(model(created_at_ms=5))
        again = registry.models.register(model(snapshot_sha256="cd" * 32, recipe_sha256="cd" * 32, parent_version="x"))
        assert again == first == registry.models.get("m-1")

    def test_the_newest_models_come_first(self, registry: Registry) -> None:
        for number in range(3):
            registry.models.register(model(f"m-{number}", created_at_ms=number + 1))
        assert [one.version for one in registry.models.list(2)] == ["m-2", "m-1"]

    def test_models_of_a_snapshot_are_found(self, registry: Registry) -> None:
        registry.models.register(model("m-1"))
        registry.models.register(model("m-2", snapshot_sha256="cd" * 32))
        assert [one.version for one in registry.models.of_snapshot("cd" * 32)] == ["m-2"]

    def test_what_no_database_can_hold_is_left_out(self, registry: Registry) -> None:
        registry.models.register(model(recipe="a\0b", facts={"loss": float("nan"), "note": "a\0b"}))
        found = registry.models.get("m-1")
        assert found is not None
        assert found.recipe == "ab"


def claimed(registry: Registry, max_lapses: int) -> str | None:
    """The job that somebody takes for ten seconds."""
    lease = registry.jobs.claim("somebody", 10, max_lapses)
    return lease.job.job_id if lease else None


class JobsContract(RegistryContract):
    def test_a_job_is_queued_once_however_often_it_is_asked_for(self, registry: Registry) -> None:
        asked = request(overrides={"steps": 3}, notes="why", priority=2)
        assert [registry.jobs.submit(asked), registry.jobs.submit(asked)] == [True, False]
        [job] = registry.jobs.list()
        assert (job.job_id, job.state, job.overrides, job.notes) == ("job-1", JobState.QUEUED, {"steps": 3}, "why")
        assert (job.request_id, job.traceparent) == (str(asked.event_id), TRACE)

    def test_the_most_urgent_is_claimed_first_and_of_those_the_oldest(
        self, registry: Registry, clock: HandClock
    ) -> None:
        for name, priority in (("a", 0), ("b", 5), ("c", 5)):
            registry.jobs.submit(request(name, priority=priority))
            clock.now += 1
        claimed = [registry.jobs.claim("w", 10) for _ in range(4)]
        assert [lease and lease.job.job_id for lease in claimed] == ["b", "c", "a", None]

    def test_a_job_has_one_owner(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        assert (lease.token, lease.job.state, lease.job.owner) == (1, JobState.RUNNING, "one")
        assert registry.jobs.claim("two", 10) is None

    def test_progress_is_kept_and_renews_the_lease(self, registry: Registry, clock: HandClock) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        clock.now += 9
        job = registry.jobs.progress(lease, Progress("training", 3, 10, 0.5, 7.0), 10)
        clock.now += 9
        assert job.progress == Progress("training", 3, 10, 0.5, 7.0)
        assert registry.jobs.claim("two", 10) is None

    def test_a_loss_that_is_no_number_is_kept_as_that(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        job = registry.jobs.progress(lease, Progress(loss=float("nan")), 10)
        assert job.progress.loss != job.progress.loss

    def test_an_expired_lease_is_claimed_again_with_a_higher_token(self, registry: Registry, clock: HandClock) -> None:
        registry.jobs.submit(request())
        registry.jobs.claim("one", 10)
        clock.now += 10
        lease = registry.jobs.claim("two", 10)
        assert lease is not None
        assert (lease.token, lease.job.owner) == (2, "two")

    def test_who_lost_the_lease_cannot_publish(self, registry: Registry, clock: HandClock) -> None:
        registry.jobs.submit(request())
        lost = registry.jobs.claim("one", 10)
        clock.now += 10
        registry.jobs.claim("two", 10)
        assert lost is not None
        with pytest.raises(LeaseLost):
            registry.jobs.finish(lost, model(), [trained()])
        assert registry.models.get("m-1") is None
        assert told(registry, TRAINING) == []

    def test_who_lost_the_lease_cannot_report_or_fail(self, registry: Registry, clock: HandClock) -> None:
        registry.jobs.submit(request())
        lost = registry.jobs.claim("one", 10)
        clock.now += 10
        registry.jobs.claim("two", 10)
        assert lost is not None
        with pytest.raises(LeaseLost):
            registry.jobs.progress(lost, Progress(), 10)
        with pytest.raises(LeaseLost):
            registry.jobs.fail(lost, "no")
        registry.jobs.release(lost)
        job = registry.jobs.get("job-1")
        assert job is not None
        assert (job.state, job.owner) == (JobState.RUNNING, "two")

    def test_a_finished_job_its_model_and_its_event_exist_together(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        registry.jobs.finish(lease, model(), [event := trained()])
        job = registry.jobs.get("job-1")
        assert job is not None
        assert (job.state, job.model_version, registry.models.get("m-1") is not None) == (
            JobState.SUCCEEDED,
            "m-1",
            True,
        )
        assert told(registry, TRAINING) == [event]

    def test_a_version_that_is_another_models_ends_nothing(self, registry: Registry) -> None:
        registry.models.register(model(artifacts=()))
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        with pytest.raises(Misconfigured):
            registry.jobs.finish(lease, model(), [trained()])
        job = registry.jobs.get("job-1")
        assert job is not None
        assert job.state is JobState.RUNNING
        assert told(registry, TRAINING) == []

    def test_finishing_again_changes_nothing(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        registry.jobs.finish(lease, model(), [event := trained()])
        registry.jobs.finish(lease, model(), [event])
        assert told(registry, TRAINING) == [event]

    def test_a_released_job_is_queued_again(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        registry.jobs.release(lease)
        again = registry.jobs.claim("two", 10)
        assert again is not None
        assert again.token == 2

    def test_a_failed_job_says_why_and_is_not_tried_again(self, registry: Registry, clock: HandClock) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        registry.jobs.fail(lease, "no items")
        clock.now += 60
        job = registry.jobs.get("job-1")
        assert job is not None
        assert (job.state, job.reason) == (JobState.FAILED, "no items")
        assert registry.jobs.claim("two", 10) is None

    def test_a_job_whose_workers_die_again_and_again_fails_and_holds_up_no_other(
        self, registry: Registry, clock: HandClock
    ) -> None:
        registry.jobs.submit(request("deadly", priority=1))
        registry.jobs.submit(request("later"))
        for _ in range(3):
            assert claimed(registry, 3) == "deadly"
            clock.now += 10
        assert claimed(registry, 3) == "later"
        job = registry.jobs.get("deadly")
        assert job is not None
        assert (job.state, job.lapses, job.ended_at_ms) == (JobState.FAILED, 3, int(clock.now * 1000))
        assert job.reason.startswith("whoever worked on it was gone before it was done, 3 times")

    def test_a_job_that_fails_for_its_lapses_is_out_of_the_last_workers_hands(
        self, registry: Registry, clock: HandClock
    ) -> None:
        registry.jobs.submit(request())
        lost = registry.jobs.claim("one", 10, 1)
        clock.now += 10
        assert lost is not None
        assert registry.jobs.claim("two", 10, 1) is None
        with pytest.raises(LeaseLost):
            registry.jobs.finish(lost, model(), [trained()])

    def test_a_job_that_is_given_back_can_be_given_back_for_ever(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        for _ in range(5):
            lease = registry.jobs.claim("one", 10, 1)
            assert lease is not None
            assert lease.job.lapses == 0
            registry.jobs.release(lease)

    def test_a_stop_of_everything_counts_once_however_long_it_lasts(self, registry: Registry, clock: HandClock) -> None:
        registry.jobs.submit(request())
        registry.jobs.claim("one", 10, 5)
        clock.now += 100_000
        lease = registry.jobs.claim("one", 10, 5)
        assert lease is not None
        assert lease.job.lapses == 1

    def test_a_lease_that_is_renewed_late_and_before_others_came_is_no_lapse(
        self, registry: Registry, clock: HandClock
    ) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10, 1)
        assert lease is not None
        clock.now += 60
        assert registry.jobs.progress(lease, Progress(), 10).lapses == 0

    def test_a_waiting_job_is_cancelled_at_once(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        assert registry.jobs.cancel("job-1")
        assert registry.jobs.claim("one", 10) is None
        assert not registry.jobs.cancel("job-1")

    def test_a_running_job_is_asked_to_stop_and_ends_as_cancelled(self, registry: Registry) -> None:
        registry.jobs.submit(request())
        lease = registry.jobs.claim("one", 10)
        assert lease is not None
        assert registry.jobs.cancel("job-1")
        assert registry.jobs.progress(lease, Progress(), 10).cancel_asked
        registry.jobs.fail(lease, "stopped")
        job = registry.jobs.get("job-1")
        assert job is not None
        assert job.state is JobState.CANCELLED

    def test_a_cancelled_job_whose_worker_died_is_not_run_again(self, registry: Registry, clock: HandClock) -> None:
        registry.jobs.submit(request())
        registry.jobs.claim("one", 10)
        registry.jobs.cancel("job-1")
        clock.now += 10
        assert registry.jobs.claim("two", 10) is None
        job = registry.jobs.get("job-1")
        assert job is not None
        assert job.state is JobState.CANCELLED

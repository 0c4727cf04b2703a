"""Trainers that take jobs; what they do with them is put in by the tests, but for the last."""

import errno
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors import SafetensorError

from models.registry.records import Job, JobState, Model, ModelKind
from schemas.training import TrainingRequested
from streams.codec import decode, encode
from streams.errors import BadRecord, MillraceError, Misconfigured, Unavailable
from streams.record import Origin, Record
from streams.stage import Incoming
from streams.topics import TRAINING_REQUESTED
from tests.contract.clocks import HandClock
from tests.contract.registry import SHA
from tests.unit.trainers.jobs.bench import LEASE_S, Bench, Train, made, until, wall_clock
from trainers.jobs import worker
from trainers.jobs.folders import alone, folder_of
from trainers.jobs.stage import training_stage
from trainers.jobs.workbench import Stop, Tell, Trained, Workbench
from trainers.jobs.worker import Trainer
from trainers.loop.launcher import RunFailed, RunStopped


@pytest.fixture
def clock() -> HandClock:
    return wall_clock()


@pytest.fixture
def bench(tmp_path: Path, clock: HandClock) -> Iterator[Bench]:
    bench = Bench(tmp_path, clock, heartbeat_s=0.02, keep_runs=0)
    yield bench
    bench.engine.dispose()


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> "Lesson":
    lesson = Lesson()
    monkeypatch.setattr(worker, "train", lesson)
    return lesson


class Lesson:
    """Stands in for freezing and training: does what it is told, and remembers for which jobs."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.does: Train = lambda job, *_: made(job)

    def __call__(self, job: Job, folder: Path, bench: Workbench, tell: Tell, stop: Stop) -> Trained:
        self.done.append(job.job_id)
        assert folder.is_dir()
        return self.does(job, folder, bench, tell, stop)


def until_stopped(job: Job, folder: Path, bench: Workbench, tell: Tell, stop: Stop) -> Trained:
    until(stop, "word to stop")
    raise RunStopped("training was stopped")


def incoming(fact: TrainingRequested, offset: int) -> Incoming:
    """As the topic brings it."""
    encoded = encode(fact, "tests")
    record = Record("training", 0, offset, encoded.key, encoded.value, encoded.headers, 1_790_000_000_000)
    return Incoming(decode(record, TRAINING_REQUESTED.events), Origin("training", 0, offset))


def test_a_request_is_done_once_however_often_it_is_delivered(bench: Bench, training: Lesson) -> None:
    stage, trainer = training_stage(bench.registry), Trainer(bench.work, "a")
    asked = TrainingRequested(job_id="job-1", cause="labels", recipe="smoke")
    assert stage.handle([incoming(asked, 0), incoming(asked, 1)]) == [(), ()]
    assert trainer.look()
    stage.handle([incoming(asked, 2)])
    assert not trainer.look()
    assert training.done == ["job-1"]
    assert (bench.job().state, bench.job().model_version) == (JobState.SUCCEEDED, "model-of-job-1")


def test_what_is_told_waits_until_it_is_published_and_follows_from_the_request(bench: Bench, training: Lesson) -> None:
    stage, asked = training_stage(bench.registry), bench.ask()
    Trainer(bench.work, "a").look()
    assert stage.tick is not None
    [fact] = stage.tick()
    assert fact.traceparent[3:35] == asked.traceparent[3:35]
    assert stage.tick() == []


def test_who_lost_the_lease_publishes_nothing(bench: Bench, training: Lesson, clock: HandClock) -> None:
    def slowly(job: Job, *_: object) -> Trained:
        clock.now += LEASE_S + 1
        bench.claimed("another")
        return made(job)

    training.does = slowly
    bench.ask()
    assert Trainer(bench.work, "a").look()
    assert (bench.job().state, bench.job().owner) == (JobState.RUNNING, "another")
    assert bench.registry.models.list() == []
    assert bench.told() == []


def test_who_hears_that_the_lease_is_lost_stops_and_leaves_the_job_to_its_owner(
    bench: Bench, training: Lesson, clock: HandClock
) -> None:
    def taken_over(job: Job, folder: Path, work: Workbench, tell: Tell, stop: Stop) -> Trained:
        clock.now += LEASE_S + 1
        bench.claimed("another")
        return until_stopped(job, folder, work, tell, stop)

    training.does = taken_over
    bench.ask()
    assert Trainer(bench.work, "a").look()
    assert (bench.job().state, bench.job().owner, bench.job().token) == (JobState.RUNNING, "another", 2)


def test_a_job_that_is_called_off_ends_as_cancelled(bench: Bench, training: Lesson) -> None:
    def called_off(job: Job, folder: Path, work: Workbench, tell: Tell, stop: Stop) -> Trained:
        assert bench.registry.jobs.cancel(job.job_id)
        return until_stopped(job, folder, work, tell, stop)

    training.does = called_off
    bench.ask()
    assert Trainer(bench.work, "a").look()
    assert bench.job().state is JobState.CANCELLED
    assert not Trainer(bench.work, "b").look()
    assert bench.told() == []


def test_while_something_does_not_answer_the_job_waits_and_is_tried_again(bench: Bench, training: Lesson) -> None:
    def in_vain(*_: object) -> Trained:
        raise Unavailable("the media store is down")

    training.does = in_vain
    bench.ask()
    trainer = Trainer(bench.work, "a")
    with pytest.raises(Unavailable, match="media store"):
        trainer.look()
    assert bench.job().state is JobState.QUEUED
    training.does = lambda job, *_: made(job)
    assert trainer.look()
    assert (bench.job().state, bench.job().token) == (JobState.SUCCEEDED, 2)


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), SafetensorError("No space left on device")]
)
def test_while_the_disk_is_full_the_job_waits(bench: Bench, training: Lesson, error: Exception) -> None:
    def no_room(*_: object) -> Trained:
        raise error

    training.does = no_room
    bench.ask()
    with pytest.raises(Unavailable, match="No space left on device"):
        Trainer(bench.work, "a").look()
    assert bench.job().state is JobState.QUEUED


@pytest.mark.parametrize(
    "error",
    [BadRecord("nothing_to_learn", "no pairs"), Misconfigured("no such recipe"), RunFailed("the loss is nan")],
)
def test_what_can_never_be_done_fails_with_its_reason(bench: Bench, training: Lesson, error: MillraceError) -> None:
    def refuse(*_: object) -> Trained:
        raise error

    training.does = refuse
    bench.ask()
    assert Trainer(bench.work, "a").look()
    assert (bench.job().state, bench.job().reason) == (JobState.FAILED, str(error))
    assert not Trainer(bench.work, "a").look()


def test_weights_that_exist_already_are_a_success_that_says_so(bench: Bench, training: Lesson) -> None:
    """Two recipes or snapshots may come to the same weights, where what differs has no effect."""
    said = {"recipe_sha256": SHA, "snapshot_sha256": "cd" * 32, "job_id": "earlier", "created_at_ms": 5}
    known = Model("same", ModelKind.ENCODER, "same", **said)  # type: ignore[arg-type]
    bench.registry.models.register(known)
    training.does = lambda job, *_: made(job, "same")
    bench.ask()
    assert Trainer(bench.work, "a").look()
    job = bench.job()
    assert (job.state, job.model_version) == (JobState.SUCCEEDED, "same")
    assert "made by job earlier before, though of another snapshot" in job.reason
    assert bench.registry.models.get("same") == known
    assert [fact.job_id for fact in bench.trained()] == ["job-1"]


def test_a_version_of_other_files_ends_the_job_and_does_not_hold_up_the_next(bench: Bench, training: Lesson) -> None:
    bench.registry.models.register(Model("same", ModelKind.ENCODER, "another-space"))
    training.does = lambda job, *_: made(job, "same" if job.job_id == "first" else "")
    bench.ask("first", priority=1)
    bench.ask("second")
    trainer = Trainer(bench.work, "a")
    assert trainer.look()
    assert trainer.look()
    assert bench.job("first").state is JobState.FAILED
    assert "registered with other encoder_version" in bench.job("first").reason
    assert bench.job("second").state is JobState.SUCCEEDED


def test_to_stop_gives_the_job_in_hand_back(bench: Bench, training: Lesson) -> None:
    training.does = until_stopped
    bench.ask()
    trainer = Trainer(bench.work, "a")
    trainer.start()
    until(lambda: training.done == ["job-1"], "work")
    trainer.stop()
    assert (bench.job().state, bench.job().owner) == (JobState.QUEUED, "")
    assert training.done == ["job-1"]


def test_a_started_trainer_is_ready_and_works(bench: Bench, training: Lesson) -> None:
    bench.ask()
    trainer = Trainer(bench.work)
    trainer.start()
    try:
        until(lambda: bench.job().state is JobState.SUCCEEDED, "a model")
        until(lambda: trainer.ready() is None, "readiness")
    finally:
        trainer.stop()


def test_while_a_candidate_is_on_its_way_no_job_is_taken(bench: Bench, training: Lesson) -> None:
    bench.registry.evaluations.ask("e-1", "m-1", "{}")
    bench.ask()
    trainer = Trainer(bench.work, "a")
    assert not trainer.look()
    assert bench.job().state is JobState.QUEUED
    bench.registry.evaluations.fail("e-1", "its files are gone")
    assert trainer.look()


def test_two_never_work_in_one_folder(bench: Bench, training: Lesson) -> None:
    """Whoever lost the lease may not have heard of it yet."""
    bench.ask()
    with alone(folder_of(bench.work.folder, "job-1")), pytest.raises(Unavailable):
        Trainer(bench.work, "b").look()
    assert (bench.job().state, training.done) == (JobState.QUEUED, [])
    assert Trainer(bench.work, "b").look()


def test_folders_go_when_jobs_end_and_stay_while_they_may_be_taken_up_again(bench: Bench, training: Lesson) -> None:
    def interrupted(job: Job, *_: object) -> Trained:
        raise RunStopped("stopped")

    training.does = interrupted
    bench.ask("given-back", priority=1)
    trainer = Trainer(bench.work, "a")
    trainer.look()
    training.does = lambda job, *_: made(job)
    bench.ask("done", priority=2)
    trainer.look()
    assert {folder.name for folder in bench.work.folder.iterdir()} == {"given-back"}


def test_an_encoder_that_cannot_learn_fails_the_job_with_what_to_set(bench: Bench) -> None:
    bench.ask()
    assert Trainer(bench.work, "a").look()
    assert "encoder.kind = millrace-mini" in bench.job().reason
    assert {fact.phase for fact in bench.progressed()} == {"snapshot"}


def test_an_unknown_field_of_a_recipe_fails_the_job_by_name(bench: Bench) -> None:
    bench.ask(overrides={"stepz": 3})
    Trainer(bench.work, "a").look()
    assert "stepz" in bench.job().reason
    assert bench.registry.models.list() == []
    assert SHA not in bench.job().reason


def test_a_job_that_every_trainer_dies_of_fails_and_the_next_one_is_done(
    bench: Bench, training: Lesson, clock: HandClock
) -> None:
    def deadly(job: Job, *_: object) -> Trained:
        if job.job_id == "deadly":
            raise TypeError("a bug")
        return made(job)

    training.does = deadly
    bench.ask("deadly", priority=1)
    bench.ask("later")
    for start in range(bench.work.config.max_lapses):
        with pytest.raises(TypeError):
            Trainer(bench.work, f"start-{start}").look()
        clock.now += LEASE_S + 1
    assert Trainer(bench.work, "last").look()
    assert (bench.job("deadly").state, bench.job("later").state) == (JobState.FAILED, JobState.SUCCEEDED)
    assert "training.max_lapses" in bench.job("deadly").reason

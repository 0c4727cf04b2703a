"""From a request to a registered model with real parts: SQLite, folders, MiniLM, two ranks under DeepSpeed.

However a run is disturbed, the weights that come out are those of a run that was not, to the bit.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from models.encoders.released import IMAGE_TOWER, load_released
from models.heads.bundle import HEADS
from models.registry.records import JobState, Model
from schemas.event import Event
from schemas.training import ModelTrained, TrainingProgressed, TrainingRequested
from streams.codec import decode, encode
from streams.errors import Unavailable
from streams.record import Origin, Record
from streams.stage import Incoming
from streams.topics import TRAINING_REQUESTED
from tests.integration.trainers.jobs.mill import (
    CHECKPOINT_STEPS,
    ENCODER,
    FEW_STEPS,
    JOB,
    MEASURED_WITH,
    STEPS,
    TASK,
    Mill,
)
from tests.integration.trainers.learning.digits import PROMPT, WORDS
from trainers.jobs.stage import training_stage
from trainers.jobs.worker import Trainer
from trainers.loop.progress import Kind
from trainers.snapshots.rows import Split

ROOT = Path(__file__).parents[4]
PATIENCE_S = 240.0
ASKED = TrainingRequested(job_id=JOB, cause="labels", detail="60 new labels", recipe="smoke", overrides=FEW_STEPS)


def asked_for(folder: Path) -> Mill:
    """An installation whose training stage has read the request from its topic."""
    mill = Mill(folder)
    mill.fill()
    encoded = encode(ASKED, "tests")
    record = Record("training", 0, 7, encoded.key, encoded.value, encoded.headers, 1_790_000_000_000)
    fact = decode(record, TRAINING_REQUESTED.events)
    assert training_stage(mill.registry).handle([Incoming(fact, Origin("training", 0, 7))]) == [()]
    return mill


def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.02)


@contextmanager
def process(mill: Mill, owner: str) -> Iterator[int]:
    """A trainer in a process group of its own, killed at the end with all that is in it."""
    module = "tests.integration.trainers.jobs.trainer"
    command = [sys.executable, "-m", module, str(mill.work.folder.parent), owner]
    started = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stdin=subprocess.DEVNULL)
    try:
        yield started.pid
    finally:
        with suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait(10)


@contextmanager
def thread(mill: Mill, owner: str) -> Iterator[Trainer]:
    """A trainer in this process."""
    trainer = Trainer(mill.work, owner)
    trainer.start()
    try:
        yield trainer
    finally:
        trainer.stop()


def look(trainer: Trainer) -> None:
    """One job, by a trainer who is not refused for good."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with suppress(Unavailable):
            if trainer.look():
                return
        time.sleep(0.1)
    raise AssertionError("there was no job")


def the_model(mill: Mill) -> Model:
    """What came out, and that it came out once."""
    assert (mill.job(JOB).state, mill.job(JOB).reason) == (JobState.SUCCEEDED, "")
    [model] = mill.registry.models.list()
    assert [fact.model_version for fact in mill.trained()] == [model.version] == [mill.job(JOB).model_version]
    return model


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    mill = asked_for(tmp_path_factory.mktemp("undisturbed"))
    assert Trainer(mill.work, "alone").look()
    yield mill
    mill.engine.dispose()


def test_a_request_becomes_a_registered_model_that_is_announced(undisturbed: Mill) -> None:
    stage, told = training_stage(undisturbed.registry), list[Event]()
    model = the_model(undisturbed)
    assert stage.tick is not None
    told += stage.tick()
    *progress, trained = told
    assert isinstance(trained, ModelTrained)
    assert (trained.job_id, trained.model_version, trained.artifacts) == (JOB, model.version, model.artifacts)
    assert trained.parent_version == undisturbed.work.shelf.configured.version
    phases = [fact.phase for fact in progress if isinstance(fact, TrainingProgressed)]
    assert list(dict.fromkeys(phases)) == ["snapshot", "data", "training", "heads", "saving"]
    assert {fact.traceparent[3:35] for fact in told} == {ASKED.traceparent[3:35]}


def test_it_says_what_it_was_made_from(undisturbed: Mill) -> None:
    model = the_model(undisturbed)
    frozen = undisturbed.work.snapshots.get(model.snapshot_sha256)
    assert frozen.counts()[Split.EVALUATION] == MEASURED_WITH
    assert model.facts["labels"] == {"active": frozen.counts()[Split.TRAIN]}
    assert (model.facts["steps"], model.facts["ranks"], model.recipe) == (STEPS, 2, "smoke")
    seconds = model.facts["seconds"]
    assert isinstance(seconds, dict)
    assert set(seconds) == {"snapshot", "data", "training", "heads", "saving"}
    assert sum(float(str(took)) for took in seconds.values()) == pytest.approx(model.seconds)


def test_it_brings_heads_that_were_fitted_to_its_own_vectors(undisturbed: Mill) -> None:
    model = the_model(undisturbed)
    assert [artifact.path for artifact in model.artifacts] == [IMAGE_TOWER, HEADS]
    heads = undisturbed.work.shelf.heads(model.version)
    assert heads is not None
    assert (heads.encoder_version, heads.tasks("default")) == (model.version, [TASK.name])
    assert model.facts["heads"] == 1


def test_its_name_is_that_of_its_towers_alone(undisturbed: Mill) -> None:
    model, shelf = the_model(undisturbed), undisturbed.work.shelf
    towers = [artifact for artifact in model.artifacts if artifact.path != HEADS]
    files = undisturbed.work.artifacts.fetch(towers, undisturbed.work.folder / "towers")
    assert load_released(ENCODER, files).version == model.version == shelf.get(model.version).version


def test_the_shelf_has_it_and_it_sees_otherwise_than_its_parent(undisturbed: Mill) -> None:
    shelf, version = undisturbed.work.shelf, the_model(undisturbed).version
    candidate, parent = shelf.get(version), shelf.configured
    row = undisturbed.work.snapshots.get(the_model(undisturbed).snapshot_sha256).rows[0]
    assert row.media is not None
    picture = [undisturbed.work.media.get(row.media)]
    texts = [PROMPT.format(label=word) for word in WORDS]
    assert not np.allclose(candidate.encode_images(picture), parent.encode_images(picture), atol=1e-3)
    np.testing.assert_array_equal(candidate.encode_texts(texts), parent.encode_texts(texts))


def test_a_trainer_that_is_killed_in_the_middle_is_followed_by_one_who_ends_with_the_same_weights(
    undisturbed: Mill, tmp_path: Path
) -> None:
    mill = asked_for(tmp_path)
    with process(mill, "killed"):
        until(lambda: len(mill.said(Kind.SAVED)) > 0, "a checkpoint")
    assert (mill.job(JOB).state, mill.job(JOB).owner) == (JobState.RUNNING, "killed")
    look(Trainer(mill.work, "successor"))
    began = [line.step for line in mill.said(Kind.BEGAN)]
    assert began[0] == 0
    assert CHECKPOINT_STEPS <= began[-1] < STEPS
    assert the_model(mill).version == the_model(undisturbed).version
    assert the_model(mill).artifacts == the_model(undisturbed).artifacts
    assert the_model(mill).snapshot_sha256 == the_model(undisturbed).snapshot_sha256
    mill.engine.dispose()


def test_two_trainers_of_which_one_was_stopped_for_a_while_come_to_one_result(
    undisturbed: Mill, tmp_path: Path
) -> None:
    """A machine that sleeps: its lease ends, another trainer takes the job, and then it wakes up in the middle."""
    mill = asked_for(tmp_path)
    with process(mill, "sleeper") as sleeper:
        until(lambda: len(mill.said(Kind.BEGAN)) > 0, "ranks")
        os.kill(sleeper, signal.SIGSTOP)
        with thread(mill, "other"):
            until(lambda: mill.job(JOB).token > 1, "another lease")
            os.kill(sleeper, signal.SIGCONT)
            until(lambda: mill.job(JOB).state.ended, "a result")
    assert the_model(mill).version == the_model(undisturbed).version
    mill.engine.dispose()

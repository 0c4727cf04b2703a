"""Runs through DeepSpeed's own launcher: started, followed, stopped, abandoned."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from models.registry.records import Progress
from streams.clock import SystemClock
from streams.errors import Unavailable
from tests.faults.training import mined
from tests.faults.training.mined import Fuse, Point, Victims
from tests.integration.trainers.loop import tiny
from tests.integration.trainers.loop.nursery import Nursery
from tests.integration.trainers.loop.runs import begun, said, weights_digest
from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import RunFailed, RunStopped, TrainingRun
from trainers.loop.lifeline import owned, wait_until_empty
from trainers.loop.progress import Kind

CONFIG = TrainingConfig(accelerator="cpu", checkpoint_steps=10, heartbeat_s=0.5)
PATIENCE_S = 240.0

ABANDONED = """
import sys
from pathlib import Path
from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import TrainingRun

config = TrainingConfig(accelerator="cpu", checkpoint_steps=10)
TrainingRun(Path(sys.argv[1]), config, sys.argv[2]).run(lambda progress: None, lambda: False)
"""


class LeaseGone(Exception):
    pass


def wait_for(folder: Path, kind: Kind) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not ((folder / "progress.jsonl").exists() and said(folder, kind)):
        assert time.monotonic() < deadline, (folder / "ranks.log").read_text()
        time.sleep(0.05)


def test_a_rank_and_a_launcher_that_die_cost_a_few_steps_and_no_bit(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    (folder / "slow").touch()
    Fuse(Point.BEFORE_BACKWARD, step=14, rank=1, victims=Victims.ONE).lay(folder)
    heard: list[Progress] = []

    def hear(progress: Progress) -> None:
        heard.append(progress)
        if progress.step > 20 and len(said(folder, Kind.BEGAN)) == 2:
            for launcher in launchers_of(folder):
                launcher.kill()

    result = TrainingRun(folder, CONFIG, mined.MODULE).run(hear, lambda: False)
    first, second, third = (line.step for line in said(folder, Kind.BEGAN))
    assert (first, second) == (0, 10)
    assert third in (20, 30)
    assert (result.steps, result.ranks, result.files) == (40, 2, (folder / "export" / "towers.safetensors",))
    assert heard[-1].step == heard[-1].steps == 40
    assert result.loss == heard[-1].loss > 0
    undisturbed = begun(tmp_path / "undisturbed")
    assert nursery.train(undisturbed) == [0, 0]
    assert weights_digest(folder) == weights_digest(undisturbed)


def launchers_of(folder: Path) -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if str(folder) in child.cmdline()]


def test_a_stopped_run_saves_and_goes_on_later_to_the_same_bits(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=150)
    (folder / "slow").touch()
    config = CONFIG.model_copy(update={"checkpoint_steps": 1000})
    with pytest.raises(RunStopped, match="is saved"):
        TrainingRun(folder, config, tiny.MODULE).run(lambda _: None, lambda: len(said_of(folder)) > 0)
    [stopped] = said(folder, Kind.STOPPED)
    assert 0 < stopped.step < 150
    assert nursery.train(folder) == [0, 0]
    assert said(folder, Kind.BEGAN)[-1].step == stopped.step
    undisturbed = begun(tmp_path / "undisturbed", steps=150)
    assert nursery.train(undisturbed) == [0, 0]
    assert weights_digest(folder) == weights_digest(undisturbed)


def said_of(folder: Path) -> list[object]:
    return list(said(folder, Kind.STEP)) if (folder / "progress.jsonl").exists() else []


def test_ranks_do_not_outlive_whoever_follows_them(tmp_path: Path) -> None:
    """The lease is lost: nothing goes on in the folder once the caller has the exception."""
    folder = begun(tmp_path / "run", steps=100_000)

    def told(progress: Progress) -> None:
        if progress.step:
            raise LeaseGone

    with pytest.raises(LeaseGone):
        TrainingRun(folder, CONFIG, tiny.MODULE).run(told, lambda: False)
    wait_until_empty(folder, SystemClock(), PATIENCE_S)


def test_ranks_leave_when_their_starter_is_killed(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=100_000)
    starter = subprocess.Popen([sys.executable, "-c", ABANDONED, str(folder), tiny.MODULE])
    try:
        wait_for(folder, Kind.STEP)
        with pytest.raises(Unavailable, match="another process trains"), owned(folder):
            pass
    finally:
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
    wait_until_empty(folder, SystemClock(), PATIENCE_S)
    with owned(folder):
        steps = len(said(folder, Kind.STEP))
        time.sleep(0.5)
        assert len(said(folder, Kind.STEP)) == steps


def test_ranks_that_die_too_often_end_the_run_with_their_error(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    (folder / "recipe.json").unlink()
    config = CONFIG.model_copy(update={"restarts": 0})
    with pytest.raises(RunFailed, match="No such file"):
        TrainingRun(folder, config, tiny.MODULE).run(lambda _: None, lambda: False)

"""How ranks are started, and when they are given up."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from streams.errors import Unavailable
from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import RunFailed, TrainingRun, _Life, environment, launch_command
from trainers.loop.lifeline import owned
from trainers.loop.progress import Follower, Journal, Kind, Line


def command(**fields: Any) -> list[str]:
    return launch_command(Path("/runs/7"), TrainingConfig(accelerator="cpu", **fields), "trainers.loop.rank", 4711)


def test_one_machine_is_launched_directly_with_its_ranks() -> None:
    words = command(ranks=3, threads=2)
    [world] = [word.removeprefix("--world_info=") for word in words if word.startswith("--world_info=")]
    assert json.loads(base64.urlsafe_b64decode(world)) == {"localhost": [0, 1, 2]}
    assert words[words.index("-m") + 1] == "deepspeed.launcher.launch"
    rank = words[words.index("-q") :]
    assert rank[:4] == ["-q", "--no_local_rank", "--module", "trainers.loop.rank"]
    assert " ".join(rank[4:]) == "--run /runs/7 --threads 2 --keep 2 --checkpoint-steps 50 --tethered"


def test_several_machines_are_reached_through_the_host_file() -> None:
    words = command(hostfile=Path("/etc/millrace/hostfile"), master_address="node-0")
    assert words[words.index("-m") + 1] == "deepspeed.launcher.runner"
    assert {"--hostfile=/etc/millrace/hostfile", "--master_addr=node-0", "--master_port=4711"} <= set(words)
    assert "--tethered" not in words  # standard input does not reach other machines


def test_without_the_host_file_nothing_is_trained_on_this_machine_instead(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, TrainingConfig(hostfile=tmp_path / "hosts"))
    with pytest.raises(RunFailed, match=r"training\.hostfile: there is no file"):
        run.run(lambda _: None, lambda: False)


def test_the_device_is_said_before_python_starts() -> None:
    assert "DS_ACCELERATOR=cpu" in environment(TrainingConfig(accelerator="cpu"))
    assert "DS_ACCELERATOR=cuda" in environment(TrainingConfig(accelerator="cuda"))
    assert command()[0] == "env"


@pytest.fixture
def life(tmp_path: Path) -> _Life:
    return _Life(Follower(tmp_path), heard_at=0.0)


def test_what_was_said_last_counts_but_an_end_stays_an_end(life: _Life, tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.say(Line(kind=Kind.FAILED, detail="no data"))
    journal.say(Line(kind=Kind.STEP, step=3, steps=9))
    assert life.listen(1.0)
    assert life.last
    assert life.last.detail == "no data"


def test_ranks_that_found_no_room_end_a_run_that_waits_and_does_not_fail(life: _Life, tmp_path: Path) -> None:
    journal, run = Journal(tmp_path), TrainingRun(tmp_path, TrainingConfig())
    journal.say(Line(kind=Kind.HINDERED, detail="No space left on device"))
    journal.say(Line(kind=Kind.FAILED, detail="the other rank has gone"))
    life.listen(1.0)
    with pytest.raises(Unavailable, match="No space left"):
        run._outcome(life)


def test_silence_is_counted_from_the_last_word(life: _Life, tmp_path: Path) -> None:
    config = TrainingConfig(silence_s=10)
    Journal(tmp_path).say(Line(kind=Kind.STEP, step=3, steps=9))
    assert life.overdue(10.5, config)
    assert life.listen(10.5)
    assert not life.overdue(20.0, config)


def test_ranks_asked_to_leave_have_a_grace(life: _Life) -> None:
    config = TrainingConfig(stop_grace_s=5)
    life.stopped, life.stopped_at = True, 100.0
    assert not life.overdue(104.0, config)
    assert life.overdue(106.0, config)


def test_a_folder_has_one_owner_at_a_time(tmp_path: Path) -> None:
    with owned(tmp_path), pytest.raises(Unavailable, match="another process trains"), owned(tmp_path):
        pass

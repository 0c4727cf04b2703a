import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from infra.supervisor.child import State
from infra.supervisor.state import ProcessSnapshot, bootstrap_of, holder, read_snapshot
from infra.supervisor.status import status_of

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60.0
QUIET = {"foundation": "", "first": "", "second": ""}


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.05)


class Mill:
    """A little supervisor in a process of its own, over tiny real processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self, scenario: dict[str, str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "tests.integration.infra.little_mill", str(self.folder), json.dumps(scenario)]
        return subprocess.Popen(command, cwd=ROOT)

    def start(self, scenario: dict[str, str] = QUIET) -> None:
        self.process = self.launch(scenario)

    def start_and_wait(self, scenario: dict[str, str] = QUIET) -> None:
        self.start(scenario)
        until(lambda: "ready" in self.events)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signals the supervisor and waits for its end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)

    def fail(self, scenario: dict[str, str]) -> str:
        """Starts one that cannot start, and waits for its end; what it said."""
        assert self.launch(scenario).wait(PATIENCE_S) == 1
        return self.said

    @property
    def said(self) -> str:
        file = self.folder / "said"
        return file.read_text() if file.exists() else ""

    @property
    def events(self) -> list[str]:
        file = self.folder / "events"
        return file.read_text().splitlines() if file.exists() else []

    def seen(self, name: str) -> ProcessSnapshot:
        snapshot = read_snapshot(self.folder)
        assert snapshot is not None
        return {process.name: process for process in snapshot.processes}[name]

    def pids(self) -> list[int]:
        snapshot = read_snapshot(self.folder)
        assert snapshot is not None
        return [process.pid for process in snapshot.processes if process.pid]


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    mill = Mill(tmp_path)
    yield mill
    if mill.process is not None:
        mill.process.kill()
        mill.process.wait(PATIENCE_S)


def test_foundations_are_ready_and_prepared_before_the_first_worker_starts(mill: Mill) -> None:
    mill.start_and_wait()
    events = mill.events
    assert events[:2] == ["start foundation", "prepare"]
    assert sorted(events[2:4]) == ["start first", "start second"]
    assert events[4] == "ready"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_workers_before_what_they_stand_on(mill: Mill, number: int) -> None:
    mill.start_and_wait()
    assert mill.end(number) == 0
    assert sorted(mill.events[-3:-1]) == ["stop first", "stop second"]
    assert mill.events[-1] == "stop foundation"


def test_a_killed_process_comes_back_and_the_others_stay(mill: Mill) -> None:
    mill.start_and_wait()
    first, second = mill.seen("first"), mill.seen("second")
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: mill.seen("first").restarts == 1 and mill.seen("first").state is State.RUNNING)
    assert mill.seen("first").pid != first.pid
    assert mill.seen("second").pid == second.pid
    assert "first ended by SIGKILL; starts again in" in mill.said


def test_a_process_that_does_not_listen_is_killed_after_the_grace_time(mill: Mill) -> None:
    mill.start_and_wait(QUIET | {"second": "ignore-sigterm"})
    pids = mill.pids()
    mill.end()
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert mill.events[-1] == "stop foundation"


def test_nothing_is_left_running_when_the_supervisor_itself_is_killed(mill: Mill) -> None:
    mill.start_and_wait()
    pids = mill.pids()
    assert len(pids) == 3
    mill.end(signal.SIGKILL)
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    assert status_of(mill.folder).phase == "down"


def test_what_a_process_left_behind_in_its_session_goes_with_it(mill: Mill) -> None:
    mill.start_and_wait(QUIET | {"first": "have-a-child"})
    grandchild = int((mill.folder / "grandchild").read_text())
    mill.end()
    until(lambda: not psutil.pid_exists(grandchild) or psutil.Process(grandchild).status() == psutil.STATUS_ZOMBIE)


def test_a_second_supervisor_of_the_folder_is_refused_with_the_reason(mill: Mill) -> None:
    mill.start_and_wait()
    said = mill.fail(QUIET)
    assert mill.process is not None
    assert f"already runs on {mill.folder} (pid {mill.process.pid})" in said
    assert mill.events.count("start foundation") == 1


def test_the_folder_can_be_used_again_after_a_kill(mill: Mill) -> None:
    mill.start_and_wait()
    mill.end(signal.SIGKILL)
    (mill.folder / "events").unlink()
    mill.start_and_wait()
    assert holder(mill.folder) == mill.process.pid  # type: ignore[union-attr]


def test_settings_that_a_process_refuses_end_the_start_with_its_words(mill: Mill) -> None:
    said = mill.fail(QUIET | {"second": "refuse"})
    assert "second refuses to start: millrace: index.url is wrong" in said
    assert mill.events[-1] == "stop foundation"


def test_a_foundation_that_is_never_ready_ends_the_start_with_its_reason(mill: Mill) -> None:
    said = mill.fail(QUIET | {"foundation": "never-be-ready"})
    assert "foundation is not ready: foundation is not there yet; see " in said
    assert "prepare" not in mill.events


def test_a_worker_that_is_not_ready_in_time_is_named_with_its_reason_and_kept(mill: Mill) -> None:
    mill.start(QUIET | {"second": "never-be-ready"})
    until(lambda: "second is still not ready: second is not there yet" in mill.said)
    assert mill.seen("second").state is State.STARTING


def test_each_process_has_a_log_of_its_own(mill: Mill) -> None:
    mill.start_and_wait()
    mill.end()
    assert (mill.folder / "logs" / "second.log").read_text() == "second says hello\n"


def test_an_installation_that_has_stopped_has_no_address(mill: Mill) -> None:
    mill.start_and_wait()
    mill.end()
    assert bootstrap_of(mill.folder) is None

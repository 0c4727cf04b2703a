from pathlib import Path

import psutil
import pytest

from infra.broker.config import BrokerConfig
from infra.supervisor.child import State
from infra.supervisor.doctor import (
    Verdict,
    data_folder,
    disk,
    jars,
    java,
    left_behind,
    memory,
    operating_system,
    python_version,
    supervisor,
)
from infra.supervisor.state import ProcessSnapshot, Snapshot, sole_supervisor, write_snapshot


def test_an_old_python_is_a_problem_with_advice() -> None:
    finding = python_version((3, 10), "3.10.1")
    assert (finding.verdict, finding.advice) == (Verdict.PROBLEM, "install Python 3.11 or newer")


def test_a_full_disk_is_a_problem() -> None:
    assert disk(0.5).verdict is Verdict.PROBLEM


def test_little_memory_is_a_warning() -> None:
    assert memory(1.0).verdict is Verdict.WARNING


def test_a_system_that_cannot_tether_processes_is_a_warning() -> None:
    assert operating_system("darwin").verdict is Verdict.WARNING


def test_enough_of_everything_is_fine() -> None:
    found = [python_version((3, 12), "3.12"), disk(50.0), memory(8.0), operating_system("linux")]
    assert {finding.verdict for finding in found} == {Verdict.OK}


def test_a_data_folder_that_is_still_to_be_made_is_judged_by_the_one_above_it(tmp_path: Path) -> None:
    assert data_folder(tmp_path / "new" / ".millrace").verdict is Verdict.OK


def test_the_supervisor_of_the_folder_is_named(tmp_path: Path) -> None:
    assert supervisor(tmp_path).detail == "nothing runs on this folder"
    with sole_supervisor(tmp_path):
        assert supervisor(tmp_path).detail.startswith("runs as pid ")


def test_a_process_that_outlived_its_supervisor_is_a_problem(tmp_path: Path) -> None:
    me = psutil.Process()
    process = ProcessSnapshot(
        name="search",
        state=State.RUNNING,
        pid=me.pid,
        started_at=me.create_time(),
        restarts=0,
        last_exit=None,
        ports={},
        log_file=tmp_path / "search.log",
    )
    write_snapshot(tmp_path, Snapshot(pid=1, started_at=0.0, phase="ready", bootstrap="", processes=(process,)))
    finding = left_behind(tmp_path)
    assert finding.verdict is Verdict.PROBLEM
    assert str(me.pid) in finding.detail


def test_the_java_of_the_wheel_runs() -> None:
    assert java().verdict is Verdict.OK


def test_jars_that_are_neither_there_nor_to_be_had_are_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "empty"))
    finding = jars(BrokerConfig(jars_dir=tmp_path, repository="nowhere://mirror"))
    assert finding.verdict is Verdict.PROBLEM
    assert "broker.repository" in finding.advice

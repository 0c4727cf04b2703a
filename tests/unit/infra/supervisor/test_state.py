import os
from pathlib import Path

import psutil
import pytest

from infra.supervisor.child import State
from infra.supervisor.state import (
    ProcessSnapshot,
    Snapshot,
    address_of,
    bootstrap_of,
    holder,
    orphans,
    read_snapshot,
    sole_supervisor,
    write_snapshot,
)
from streams.errors import Misconfigured


def process(pid: int | None, started_at: float | None) -> ProcessSnapshot:
    return ProcessSnapshot(
        name="search",
        state=State.RUNNING,
        pid=pid,
        started_at=started_at,
        restarts=0,
        last_exit=None,
        ports={"api": 20_001},
        log_file=Path("search.log"),
    )


def snapshot(*processes: ProcessSnapshot) -> Snapshot:
    return Snapshot(pid=os.getpid(), started_at=0.0, phase="ready", bootstrap="127.0.0.1:9", processes=processes)


def test_a_second_supervisor_of_a_folder_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    with (
        sole_supervisor(tmp_path),
        pytest.raises(Misconfigured, match=rf"already runs on .*pid {os.getpid()}.*millrace down"),
        sole_supervisor(tmp_path),
    ):
        pass


def test_the_folder_is_free_again_when_its_supervisor_ended(tmp_path: Path) -> None:
    with sole_supervisor(tmp_path):
        assert holder(tmp_path) == os.getpid()
    assert holder(tmp_path) is None


def test_the_folder_is_not_held_before_anything_ran(tmp_path: Path) -> None:
    assert holder(tmp_path) is None


def test_a_running_installation_tells_where_its_parts_are(tmp_path: Path) -> None:
    with sole_supervisor(tmp_path):
        write_snapshot(tmp_path, snapshot(process(None, None)))
        assert bootstrap_of(tmp_path) == "127.0.0.1:9"
        assert address_of(tmp_path, "search", "api") == "http://127.0.0.1:20001"
        assert address_of(tmp_path, "search", "ops") is None
        assert address_of(tmp_path, "nobody", "api") is None


def test_an_installation_that_ended_has_no_addresses(tmp_path: Path) -> None:
    write_snapshot(tmp_path, snapshot(process(None, None)))
    assert bootstrap_of(tmp_path) is None
    assert address_of(tmp_path, "search", "api") is None


def test_a_damaged_snapshot_counts_as_none(tmp_path: Path) -> None:
    write_snapshot(tmp_path, snapshot())
    (tmp_path / "supervisor.json").write_text("{")
    assert read_snapshot(tmp_path) is None


def test_a_process_left_behind_is_known_by_its_pid_and_its_start() -> None:
    started_at = psutil.Process().create_time()
    assert [one.pid for one in orphans(snapshot(process(os.getpid(), started_at)))] == [os.getpid()]


def test_another_process_under_a_reused_pid_is_not_taken_for_ours() -> None:
    assert orphans(snapshot(process(os.getpid(), psutil.Process().create_time() - 60))) == []

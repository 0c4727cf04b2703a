import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from infra.cli import processes
from infra.migrations.run import open_migrated
from infra.settings import flags
from infra.supervisor.child import State
from infra.supervisor.state import ProcessSnapshot, Snapshot, sole_supervisor, write_snapshot
from models.metadata.config import MetadataConfig
from models.registry.registry import Registry
from tests.contract.registry import request

app = typer.Typer()
for command in (processes.up, processes.down, processes.status):
    app.command()(command)


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words, catch_exceptions=False)


def pausing() -> Snapshot:
    """An installation whose only process waits to be started again."""
    search = ProcessSnapshot(
        name="search",
        state=State.BACKING_OFF,
        pid=None,
        started_at=None,
        restarts=3,
        last_exit="ended by SIGBUS",
        ports={"api": 20_001},
        log_file=Path("search.log"),
    )
    return Snapshot(pid=os.getpid(), started_at=0.0, phase="ready", bootstrap="127.0.0.1:9", processes=(search,))


def test_status_of_a_folder_where_nothing_runs_says_how_to_start(data_dir: Path) -> None:
    assert run("status").output == f"nothing runs on {data_dir}; start it with `millrace up`\n"


def test_status_as_json_works_where_nothing_runs(data_dir: Path) -> None:
    found = json.loads(run("status", "--json").output)
    assert (found["phase"], found["ready"], found["processes"]) == ("down", False, [])


def test_status_shows_why_a_process_is_not_up(data_dir: Path) -> None:
    with sole_supervisor(data_dir):
        write_snapshot(data_dir, pausing())
        shown = run("status").output
    [row] = [line for line in shown.splitlines() if line.startswith("search")]
    assert row.split() == ["search", "backing_off", "-", "-", "3", "-", "api=20001", "ended", "by", "SIGBUS"]


def test_status_of_an_installation_that_is_not_all_up_is_not_ready(data_dir: Path) -> None:
    with sole_supervisor(data_dir):
        write_snapshot(data_dir, pausing())
        found = json.loads(run("status", "--json").output)
    assert found["ready"] is False
    assert found["processes"][0]["reasons"] == ["ended by SIGBUS"]


def test_status_says_what_is_trained_and_what_that_waits_for(data_dir: Path) -> None:
    engine = open_migrated(MetadataConfig().resolved(data_dir))
    Registry(engine).jobs.submit(request("job-1"))
    engine.dispose()
    with sole_supervisor(data_dir):
        write_snapshot(data_dir, pausing())
        serves, job = json.loads(run("status", "--json").output)["learning"]
        assert run("status").output.splitlines()[-2:] == [serves, job]
    assert serves == "generation 0 serves: the encoder of the settings"
    assert job.startswith("job job-1: queued, waits for a trainer")


def test_status_works_where_the_database_does_not(data_dir: Path) -> None:
    with sole_supervisor(data_dir):
        write_snapshot(data_dir, pausing())
        assert "cannot be told" in run("status").output


def test_a_start_that_still_prepares_is_told_apart_from_nothing(data_dir: Path) -> None:
    with sole_supervisor(data_dir):
        assert json.loads(run("status", "--json").output)["phase"] == "preparing"


def test_down_where_nothing_runs_is_no_error(data_dir: Path) -> None:
    result = run("down")
    assert (result.exit_code, result.output) == (0, f"nothing runs on {data_dir}\n")


def test_a_dry_down_stops_nothing_and_names_what_it_would_stop(data_dir: Path) -> None:
    with sole_supervisor(data_dir):
        assert run("down", "--dry-run").output.startswith(f"would stop pid {os.getpid()} ")


def test_a_dry_up_names_the_processes(data_dir: Path) -> None:
    shown = run("up", "--dry-run").output
    assert [line for line in shown.splitlines() if line.startswith("would start")] == [
        "would start broker",
        "would start curation",
        "would start embedding",
        "would start recording",
        "would start search",
        "would start signals",
        "would start training",
    ]


def test_with_a_labelling_task_a_dry_up_names_label_studio_and_the_bridge(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = 'labelling.tasks=[{"name": "topic", "labels": ["a", "b"]}]'
    monkeypatch.setattr(flags, "assignments", [f"data_dir={data_dir}", task])
    shown = run("up", "--dry-run").output
    assert {"would start bridge", "would start label-studio"} <= set(shown.splitlines())
    assert list(data_dir.iterdir()) == []


def test_no_broker_is_started_where_a_cluster_is_configured(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flags, "assignments", [*flags.assignments, "kafka.bootstrap_servers=cluster:9092"])
    assert "would start broker" not in run("up", "--dry-run").output

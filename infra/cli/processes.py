"""`millrace up|down|status|doctor`: the processes of one data folder."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import psutil
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from infra.broker.jars import OnProgress
from infra.cli.under_way import under_way
from infra.cli.where import opened_registry
from infra.settings import Settings, load_settings
from infra.supervisor.child import MISCONFIGURED_EXIT
from infra.supervisor.state import holder, running, sole_supervisor
from infra.supervisor.status import ProcessStatus, Status, status_of
from streams.errors import MillraceError, Misconfigured, Unavailable

if TYPE_CHECKING:
    from infra.installation import Installation

POLL_S = 0.2
PLAIN_WIDTH = 200
"""Of tables that no terminal bounds."""
DOWN_MARGIN_S = 10.0
"""Beyond the grace times of all processes."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]


def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Run in the background; return when ready.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    settings = load_settings()
    if dry_run:
        _print_plan(settings)
    elif detach:
        _up_in_background(settings)
    else:
        _up_in_foreground(settings)


def down(dry_run: DryRun = False) -> None:
    """Stop everything that runs on the data folder, and wait until it has stopped."""
    settings = load_settings()
    pid = holder(settings.data_dir)
    if pid is None:
        typer.echo(f"nothing runs on {settings.data_dir}")
    elif dry_run:
        typer.echo(f"would stop pid {pid} and its processes on {settings.data_dir}")
    else:
        _stop(pid, settings)
        typer.echo(f"stopped what ran on {settings.data_dir}")


def status(as_json: AsJson = False) -> None:
    """Show each process: whether it is ready, what it waits for, where it listens."""
    settings = load_settings()
    current = status_of(settings.data_dir)
    if current.phase not in ("down", "preparing"):
        current = current.model_copy(update={"learning": _learning(settings)})
    if as_json:
        typer.echo(current.model_dump_json(indent=2))
    else:
        _print_status(current)


def doctor(as_json: AsJson = False) -> None:
    """Check this machine and say what to do. Exit code 1 if something must be mended first."""
    import json
    from dataclasses import asdict

    from infra.supervisor.doctor import Verdict, findings

    settings = load_settings()
    found = list(findings(settings.data_dir, settings.broker, settings.kafka))
    if settings.embedded_label_studio.wanted(len(settings.labelling.tasks), settings.label_studio.url):
        from infra.label_studio.checkup import label_studio

        found.append(label_studio(settings.embedded_label_studio))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    else:
        for finding in found:
            typer.echo(f"{finding.verdict.value:8} {finding.subject:12} {finding.detail}")
            if finding.verdict is not Verdict.OK:
                typer.echo(f"{'':8} {'':12} -> {finding.advice}")
    if any(finding.verdict is Verdict.PROBLEM for finding in found):
        raise typer.Exit(1)


def _up_in_foreground(settings: Settings) -> None:
    from infra.cli.topics import apply_topics
    from infra.installation import installation
    from infra.migrations.run import open_migrated
    from infra.supervisor.supervisor import Supervisor

    data_dir = settings.data_dir.absolute()
    with sole_supervisor(data_dir):
        with _shown_download() as on_progress:
            parts = installation(settings, on_progress, _say)
        kafka = settings.kafka.model_copy(update={"bootstrap_servers": parts.bootstrap})

        def prepare() -> None:
            _say("topics", f"{len(apply_topics(kafka))} changes applied")
            open_migrated(settings.metadata.resolved(data_dir)).dispose()  # once, before all processes want to

        supervisor = Supervisor(
            data_dir,
            parts.foundations,
            parts.workers,
            prepare,
            settings.supervisor,
            _say,
            parts.bootstrap,
        )
        supervisor.run(lambda: _greet(parts, data_dir))
        _say("millrace", "has stopped")


def _up_in_background(settings: Settings) -> None:
    from infra.installation import own_command

    data_dir = settings.data_dir.absolute()
    log_file = data_dir / "logs" / "supervisor.log"
    with sole_supervisor(data_dir):
        log_file.parent.mkdir(parents=True, exist_ok=True)  # refused before anything starts if the folder is taken
    with log_file.open("ab") as log:
        begin = log.tell()
        process = subprocess.Popen(
            own_command("--data-dir", str(data_dir), "up"),
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    for line in _followed(process, log_file, begin, settings):
        typer.echo(line)


def _followed(process: "subprocess.Popen[bytes]", log_file: Path, begin: int, settings: Settings) -> Iterator[str]:
    """The lines of a start in the background until all is ready. Raises if it ended, or if time is over."""
    limit_s = settings.broker.ready_timeout_s + settings.supervisor.ready_timeout_s
    deadline = time.monotonic() + limit_s
    with log_file.open(encoding="utf-8", errors="replace") as log:
        log.seek(begin)
        while True:
            ended = process.poll() is not None
            yield from (line.rstrip("\n") for line in log)
            if ended:
                refused = process.returncode == MISCONFIGURED_EXIT
                reason = f"the start ended with exit code {process.returncode}; see {log_file}"
                raise Misconfigured(reason) if refused else Unavailable(reason)
            snapshot = running(settings.data_dir)
            if snapshot is None:
                deadline = time.monotonic() + limit_s  # a first start downloads, and that takes what it takes
            elif snapshot.pid == process.pid and snapshot.phase == "ready":
                return
            if time.monotonic() > deadline:
                raise Unavailable("not everything is ready yet; it keeps trying, see `millrace status`")
            time.sleep(POLL_S)


def _stop(pid: int, settings: Settings) -> None:
    grace_s = settings.supervisor.stop_grace_s + settings.broker.stop_grace_s + DOWN_MARGIN_S
    deadline = time.monotonic() + grace_s
    os.kill(pid, signal.SIGTERM)
    while holder(settings.data_dir) == pid:
        if time.monotonic() > deadline:
            raise Unavailable(f"pid {pid} did not stop within {grace_s:.0f} s; `kill -KILL {pid}` ends it and the rest")
        time.sleep(POLL_S)
    with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):  # the lock goes a moment before the process
        psutil.Process(pid).wait(DOWN_MARGIN_S)


def _say(name: str, what: str) -> None:
    typer.echo(f"{time.strftime('%H:%M:%S')}  {name:10} {what}")


def _greet(parts: "Installation", data_dir: Path) -> None:
    access = data_dir / "label-studio" / "access.json"
    labels = f"  labels {parts.labels_url}  (log in as {access} says)\n" if parts.labels_url else ""
    typer.echo(
        f"\nMillrace is ready.\n  API    {parts.api_url}  (documentation at {parts.api_url}/docs)\n{labels}"
        f"  Kafka  {parts.bootstrap}\n  data   {data_dir}\n  logs   {data_dir / 'logs'}\n"
        "Stop it with Ctrl-C or `millrace down`.\n"
    )


@contextmanager
def _shown_download() -> Iterator[OnProgress]:
    """A bar on a terminal, a line for each tenth elsewhere; nothing where nothing is downloaded."""
    console = Console()
    if not console.is_terminal:
        tenths: set[int] = set()

        def line(there: int, needed: int) -> None:
            if (tenth := there * 10 // needed) not in tenths:
                tenths.add(tenth)
                _say("broker", f"downloading Kafka, {there / 1e6:.0f} of {needed / 1e6:.0f} MB")

        yield line
        return
    columns = (TextColumn("downloading Kafka"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", visible=False)
        yield lambda there, needed: progress.update(task, completed=there, total=needed, visible=True)


def _print_plan(settings: Settings) -> None:
    from infra.installation import port_names

    pid = holder(settings.data_dir)
    typer.echo(f"data folder {settings.data_dir.absolute()}{f' is in use by pid {pid}' if pid else ''}")
    for name in sorted({name.partition(".")[0] for name in port_names(settings)}):
        typer.echo(f"would start {name}")


def _print_status(current: Status) -> None:
    if current.phase == "down":
        typer.echo(f"nothing runs on {current.data_dir}; start it with `millrace up`")
        return
    since = f" for {_duration(current.uptime_s)}" if current.uptime_s else ""
    typer.echo(f"Millrace on {current.data_dir}: {current.phase}, pid {current.supervisor_pid}{since}")
    if current.bootstrap:
        typer.echo(f"Kafka {current.bootstrap}")
    name, waits = Column("process", no_wrap=True), Column("waits for", overflow="fold")
    ports = Column("ports", min_width=len("controller=20000"))
    table = Table(name, "state", "pid", "up", "restarts", "MiB", ports, waits, box=None, pad_edge=False)
    for process in current.processes:
        table.add_row(*_row(process))
    Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH).print(table)
    for line in current.learning:
        typer.echo(line)


def _learning(settings: Settings) -> tuple[str, ...]:
    """What is trained, judged and rolled out; or why nobody can tell."""
    try:
        return tuple(under_way(opened_registry(settings), settings))
    except MillraceError as error:
        return (f"what is trained and released cannot be told: {error}",)


def _row(process: ProcessStatus) -> tuple[str, ...]:
    return (
        process.name,
        process.state,
        str(process.pid or "-"),
        _duration(process.uptime_s),
        str(process.restarts),
        f"{process.memory_mib:.0f}" if process.memory_mib else "-",
        " ".join(f"{use}={port}" for use, port in process.ports.items()),
        "; ".join(process.reasons),
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"

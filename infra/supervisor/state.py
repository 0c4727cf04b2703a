"""What a supervisor leaves in the data folder: the lock that says it lives, and a snapshot of its processes."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError

from infra.supervisor.child import Child, State
from infra.supervisor.ports import LOOPBACK, replace_file
from streams.errors import Misconfigured

LOCK_FILE = "supervisor.lock"
SNAPSHOT_FILE = "supervisor.json"
LOCK_TRIES = 5
LOCK_PAUSE_S = 0.05
"""Who asks for the holder takes the lock for a moment; `up` must not mistake that for another supervisor."""
SAME_START_S = 3.0
"""Two start times of one pid that are nearer than this are one process; the system rounds them to seconds."""


class ProcessSnapshot(BaseModel):
    """A process as its supervisor last saw it."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: State
    pid: int | None
    started_at: float | None
    """Seconds since the epoch, of the running process."""
    restarts: int
    last_exit: str | None
    ports: dict[str, int]
    log_file: Path

    @classmethod
    def of(cls, child: Child) -> "ProcessSnapshot":
        return cls(
            name=child.spec.name,
            state=child.state,
            pid=child.pid,
            started_at=child.started_at,
            restarts=child.restarts,
            last_exit=child.last_exit,
            ports=dict(child.spec.ports),
            log_file=child.spec.log_file,
        )


class Snapshot(BaseModel):
    """A supervisor and its processes."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started_at: float
    phase: str
    """`starting`, `ready` or `stopping`."""
    bootstrap: str
    """Where Kafka is."""
    processes: tuple[ProcessSnapshot, ...]


def write_snapshot(data_dir: Path, snapshot: Snapshot) -> None:
    replace_file(data_dir / SNAPSHOT_FILE, snapshot.model_dump_json(indent=2))


def read_snapshot(data_dir: Path) -> Snapshot | None:
    """The last one written, perhaps by a supervisor that has ended; None if there never was one."""
    file = data_dir / SNAPSHOT_FILE
    try:
        return Snapshot.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


@contextmanager
def sole_supervisor(data_dir: Path) -> Iterator[None]:
    """Holds the data folder's lock. Raises Misconfigured, naming the holder, if another process has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / LOCK_FILE).open("a+") as lock:
        if not _take(lock.fileno()):
            raise Misconfigured(
                f"Millrace already runs on {data_dir.resolve()} (pid {_written_pid(data_dir)}): "
                "look with `millrace status`, stop it with `millrace down`, or name another folder with --data-dir"
            )
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def holder(data_dir: Path) -> int | None:
    """The pid of the supervisor that holds the folder; None if nobody does."""
    try:
        with (data_dir / LOCK_FILE).open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return None
    except BlockingIOError:
        return _written_pid(data_dir)
    return None


def running(data_dir: Path) -> Snapshot | None:
    """The snapshot of a supervisor that lives; None if none does, or it has only just begun."""
    pid, snapshot = holder(data_dir), read_snapshot(data_dir)
    return snapshot if snapshot and snapshot.pid == pid else None


def bootstrap_of(data_dir: Path) -> str | None:
    """Where the Kafka of the running installation is; None if none runs."""
    snapshot = running(data_dir)
    return snapshot.bootstrap if snapshot else None


def address_of(data_dir: Path, process: str, port: str) -> str | None:
    """`http://host:port` of a process of the running installation, such as ("search", "api"); None if none runs."""
    snapshot = running(data_dir)
    ports = {one.name: one.ports for one in snapshot.processes}.get(process, {}) if snapshot else {}
    return f"http://{LOOPBACK}:{ports[port]}" if port in ports else None


def orphans(snapshot: Snapshot | None) -> list[psutil.Process]:
    """Processes of a supervisor that died and could not take them along, which only happens where nothing tethers."""
    found = []
    for process in snapshot.processes if snapshot else ():
        if process.pid is None or process.started_at is None:
            continue
        try:
            alive = psutil.Process(process.pid)
            if abs(alive.create_time() - process.started_at) < SAME_START_S:
                found.append(alive)
        except psutil.NoSuchProcess:
            continue
    return found


def end_orphans(snapshot: Snapshot | None) -> list[int]:
    """Kills them; their pids."""
    found = orphans(snapshot)
    for process in found:
        process.kill()
    psutil.wait_procs(found, timeout=10.0)
    return [process.pid for process in found]


def _take(descriptor: int) -> bool:
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_S)
        else:
            return True
    return False


def _written_pid(data_dir: Path) -> int | None:
    text = (data_dir / LOCK_FILE).read_text().strip()
    return int(text) if text.isdecimal() else None

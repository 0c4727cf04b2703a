"""How things are right now: what the supervisor wrote, completed by asking each process itself."""

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

from infra.supervisor.child import Readiness, State
from infra.supervisor.ports import LOOPBACK
from infra.supervisor.state import ProcessSnapshot, holder, read_snapshot

PROBE_TIMEOUT_S = 2.0
LONGEST_REASON = 300
HEALTH_PATH = "/health"
"""Where Label Studio says that it is up; its port is called `http`."""


class ProcessStatus(BaseModel):
    """One process. `state` is the supervisor's, or `ready` or `waiting` by the process's own word."""

    model_config = ConfigDict(frozen=True)

    name: str
    state: str
    reasons: tuple[str, ...]
    """What it waits for, or how it ended."""
    pid: int | None
    uptime_s: float | None
    restarts: int
    memory_mib: float | None
    """Resident memory of the process and those it started."""
    ports: dict[str, int]
    log_file: Path


class Status(BaseModel):
    """An installation. `phase` is `down` where nothing runs."""

    model_config = ConfigDict(frozen=True)

    data_dir: Path
    phase: str
    supervisor_pid: int | None = None
    uptime_s: float | None = None
    bootstrap: str | None = None
    ready: bool = False
    processes: tuple[ProcessStatus, ...] = ()
    learning: tuple[str, ...] = ()
    """In words: what serves, what is trained, judged and rolled out, and what that waits for."""


def status_of(data_dir: Path) -> Status:
    """Works whether or not anything runs."""
    pid, snapshot = holder(data_dir), read_snapshot(data_dir)
    if pid is None:
        return Status(data_dir=data_dir, phase="down")
    if snapshot is None or snapshot.pid != pid:
        return Status(data_dir=data_dir, phase="preparing", supervisor_pid=pid)
    processes = tuple(_live(process) for process in snapshot.processes)
    return Status(
        data_dir=data_dir,
        phase=snapshot.phase,
        supervisor_pid=pid,
        uptime_s=time.time() - snapshot.started_at,
        bootstrap=snapshot.bootstrap,
        ready=all(process.state == "ready" for process in processes),
        processes=processes,
    )


def http_probe(port: int, path: str = "/readyz") -> Callable[[], Readiness]:
    """Asks a worker, or another server that answers 200 on `path` when it is ready."""

    def probe() -> Readiness:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=PROBE_TIMEOUT_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return readiness_in(response.status, response.read())
        except (OSError, http.client.HTTPException):
            return Readiness(False, ("does not answer yet",))
        finally:
            connection.close()

    return probe


def readiness_in(status: int, body: bytes) -> Readiness:
    """Reads an answer of `/readyz`: 200 is ready; the body says why it is not."""
    try:
        reasons = tuple(str(reason)[:LONGEST_REASON] for reason in json.loads(body)["reasons"])
    except (ValueError, KeyError, TypeError):
        reasons = (body.decode("utf-8", "replace").strip()[:LONGEST_REASON],) if body.strip() else ()
    return Readiness(True) if status == http.client.OK else Readiness(False, reasons or (f"HTTP status {status}",))


def kafka_probe(bootstrap: str) -> Callable[[], Readiness]:
    """Asks a broker for its topics."""

    def probe() -> Readiness:
        from streams.kafka.clients import broker_answers  # the client library is loaded by those who ask
        from streams.kafka.config import KafkaConfig

        answers = broker_answers(KafkaConfig(bootstrap_servers=bootstrap), PROBE_TIMEOUT_S)
        return Readiness(True) if answers else Readiness(False, ("does not answer yet",))

    return probe


def _live(process: ProcessSnapshot) -> ProcessStatus:
    state = process.state.value
    reasons: tuple[str, ...] = (process.last_exit,) if process.last_exit else ()
    if process.state in (State.STARTING, State.RUNNING):
        readiness = _ask(process)
        state, reasons = "ready" if readiness.ready else "waiting", readiness.reasons
    return ProcessStatus(
        name=process.name,
        state=state,
        reasons=reasons,
        pid=process.pid,
        uptime_s=time.time() - process.started_at if process.started_at else None,
        restarts=process.restarts,
        memory_mib=_memory_mib(process.pid),
        ports=process.ports,
        log_file=process.log_file,
    )


def _ask(process: ProcessSnapshot) -> Readiness:
    if "ops" in process.ports:
        return http_probe(process.ports["ops"])()
    if "http" in process.ports:
        return http_probe(process.ports["http"], HEALTH_PATH)()
    return kafka_probe(f"{LOOPBACK}:{process.ports['kafka']}")()


def _memory_mib(pid: int | None) -> float | None:
    if pid is None:
        return None
    try:
        leader = psutil.Process(pid)
        family = [leader, *leader.children(recursive=True)]
        return round(sum(member.memory_info().rss for member in family) / 2**20, 1)
    except psutil.NoSuchProcess:
        return None

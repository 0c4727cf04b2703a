"""One supervised process: started, watched, started again after a pause, stopped."""

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from infra.supervisor.config import SupervisorConfig
from infra.supervisor.tether import tethered
from streams.clock import Clock
from streams.retry import delays

MISCONFIGURED_EXIT = 2
"""By this exit code a process says that starting it again is useless."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether a process can do its work, and if not, what it waits for."""

    ready: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """What to run, where it writes, and how to ask it whether it is ready."""

    name: str
    command: tuple[str, ...]
    log_file: Path
    probe: Callable[[], Readiness]
    ports: Mapping[str, int] = field(default_factory=dict)
    stop_grace_s: float | None = None
    """None takes the supervisor's."""


class State(StrEnum):
    STARTING = "starting"
    """Runs, but has not been ready yet."""
    RUNNING = "running"
    BACKING_OFF = "backing_off"
    """Ended by itself; starts again after a pause."""
    REFUSED = "refused"
    """Ended saying that its settings are wrong; does not start again."""
    STOPPING = "stopping"
    STOPPED = "stopped"


class Running(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""

    def terminate(self) -> None: ...
    def kill_session(self) -> None:
        """Kills it and what it started in its session."""


class Launched:
    """A real process, in a session of its own, so that Ctrl-C reaches the supervisor alone."""

    def __init__(self, spec: ProcessSpec) -> None:
        spec.log_file.parent.mkdir(parents=True, exist_ok=True)
        with spec.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                tethered(spec.command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.poll()

    def terminate(self) -> None:
        self._process.terminate()

    def kill_session(self) -> None:
        with suppress(ProcessLookupError, PermissionError):  # nobody left
            os.killpg(self._process.pid, signal.SIGKILL)


class Child:
    """Keeps one process alive. Call `tend` often; it never blocks."""

    def __init__(
        self,
        spec: ProcessSpec,
        config: SupervisorConfig,
        clock: Clock,
        start_process: Callable[[ProcessSpec], Running] = Launched,
    ) -> None:
        self.spec = spec
        self.state = State.STOPPED
        self.restarts = 0
        self.started_at: float | None = None
        self.last_exit: str | None = None
        self._config, self._clock, self._start_process = config, clock, start_process
        self._process: Running | None = None
        self._up_since = self._due_at = 0.0
        self._pauses = self._fresh_pauses()

    @property
    def pid(self) -> int | None:
        """None while nothing runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        self._process = self._start_process(self.spec)
        self.state, self.started_at, self._up_since = State.STARTING, self._clock.time(), self._clock.monotonic()

    def probe(self) -> Readiness:
        """Asks the process; an answer that it is ready makes it count as running."""
        if self.state not in (State.STARTING, State.RUNNING):
            return Readiness(False, (self.last_exit or self.state.value,))
        readiness = self.spec.probe()
        if readiness.ready:
            self.state = State.RUNNING
        return readiness

    def tend(self) -> str | None:
        """Notices an end, and starts again when the pause is over. What happened, for people."""
        if self._process is not None:
            code = self._process.poll()
            return None if code is None else self._ended(code)
        if self.state is State.BACKING_OFF and self._clock.monotonic() >= self._due_at:
            self.restarts += 1
            self.start()
            return "starts again"
        return None

    def terminate(self) -> None:
        """Asks it to stop; it is not started again."""
        if self._process is None:
            self.state = State.STOPPED
            return
        self.state = State.STOPPING
        self._process.terminate()

    def kill(self) -> None:
        """Ends it, and what it started in its session, at once."""
        self.state = State.STOPPING
        if self._process is not None:
            self._process.kill_session()

    def limit_log(self) -> None:
        """Moves a log that has grown too long aside. Its writers append, so they go on at the new start."""
        file = self.spec.log_file
        if file.exists() and file.stat().st_size > self._config.log_limit_mib * 2**20:
            shutil.copyfile(file, file.with_name(f"{file.name}.old"))
            os.truncate(file, 0)

    def _ended(self, code: int) -> str:
        assert self._process is not None
        self._process.kill_session()  # what it leaves behind in its session goes with it
        self._process, self.started_at, self.last_exit = None, None, _exit_words(code)
        if self.state is State.STOPPING:
            self.state = State.STOPPED
            return "stopped"
        if code == MISCONFIGURED_EXIT:
            self.state = State.REFUSED
            return f"refuses to start; see {self.spec.log_file}"
        if self._clock.monotonic() - self._up_since >= self._config.stable_after_s:
            self._pauses = self._fresh_pauses()
        pause_s = next(self._pauses)
        self.state, self._due_at = State.BACKING_OFF, self._clock.monotonic() + pause_s
        return f"{self.last_exit}; starts again in {pause_s:.1f} s"

    def _fresh_pauses(self) -> Iterator[float]:
        return delays(self._config.backoff, random.Random())


def _exit_words(code: int) -> str:
    if code < 0:
        return f"ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"

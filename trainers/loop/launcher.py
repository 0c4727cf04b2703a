"""Starts the ranks of a run, follows what they say, starts them again when they die, and leaves none behind."""

import base64
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from models.registry.records import Progress
from streams.clock import Clock, SystemClock
from streams.errors import MillraceError, Unavailable
from trainers.loop.config import TrainingConfig
from trainers.loop.lifeline import owned, wait_until_empty
from trainers.loop.progress import Follower, Kind, Line

logger = structlog.get_logger()

RANK = "trainers.loop.rank"
LOG = "ranks.log"
LOG_TAIL = 20_000
ERROR = re.compile(r"^(?:\[rank\d+\]: )?([\w.]+(?:Error|Exception)\b.*)", re.MULTILINE)
LOG_LIMIT = 4 * 2**20
ENDS = (Kind.DONE, Kind.FAILED, Kind.HINDERED)
POLL_S = 0.1
GPU_FILES = (Path("/dev/nvidiactl"), Path("/dev/kfd"))

OnProgress = Callable[[Progress], None]
Stop = Callable[[], bool]


class RunFailed(MillraceError):
    """Training cannot go on. The message says why; what was saved stays."""


class RunStopped(MillraceError):
    """Training was asked to stop, and can go on from what was saved."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run."""

    files: tuple[Path, ...]
    seconds: float
    """Of training, those before interruptions included as far as their work was kept."""
    steps: int
    loss: float
    """Of the last step."""
    ranks: int


@dataclass
class TrainingRun:
    """A folder with a recipe and its data, to be trained to the end. What was done there already is gone on from."""

    folder: Path
    config: TrainingConfig
    rank_module: str = RANK
    clock: Clock = field(default_factory=SystemClock)

    def run(self, on_progress: OnProgress, stop: Stop) -> RunResult:
        """RunStopped once `stop` says so, RunFailed when it cannot go on, Unavailable while another has the folder or
        the disk is full.

        `on_progress` is called every `heartbeat_s` at least, so that it may renew a lease. Whatever it raises ends the
        ranks at once and goes on to the caller.
        """
        with owned(self.folder):
            wait_until_empty(self.folder, self.clock, self.config.stop_grace_s)
            _limit(self.folder / LOG)
            furthest, lives = 0, self.config.restarts
            while True:
                life = self._live(on_progress, stop)
                if result := self._outcome(life):
                    return result
                lives = self.config.restarts if life.saved > furthest else lives - 1
                furthest = max(furthest, life.saved)
                if lives < 0:
                    raise RunFailed(f"the ranks died again and again ({life.end}): {self._last_words()}")
                logger.warning("ranks died and start again", run=self.folder.name, end=life.end, step=life.saved)

    def _outcome(self, life: "_Life") -> RunResult | None:
        """None if the ranks died without a word that would end the run."""
        last = life.last
        if last and last.kind is Kind.DONE:
            files = tuple(self.folder / name for name in last.files)
            return RunResult(files, last.seconds, last.steps, last.loss, last.ranks)
        if last and last.kind is Kind.FAILED:
            raise RunFailed(last.detail)
        if last and last.kind is Kind.HINDERED:
            raise Unavailable(last.detail)
        if life.stopped:
            raise RunStopped(f"training was stopped{f'; step {life.saved} is saved' if life.saved else ''}")
        return None

    def _live(self, on_progress: OnProgress, stop: Stop) -> "_Life":
        """Ranks from their start to their end."""
        if (hosts := self.config.hostfile) and not hosts.is_file():  # DeepSpeed would train here, and say nothing
            raise RunFailed(
                f"training.hostfile: there is no file {hosts}; name machines in it, or unset it to train on this one"
            )
        life = _Life(Follower(self.folder), self.clock.monotonic())
        told_at = life.heard_at
        command = launch_command(self.folder, self.config, self.rank_module, self.config.master_port or free_port())
        with _started(command, self.folder / LOG) as launcher:
            while (code := launcher.poll()) is None and not life.overdue(self.clock.monotonic(), self.config):
                self.clock.sleep(POLL_S)
                now = self.clock.monotonic()
                if life.listen(now) or now - told_at >= self.config.heartbeat_s:
                    told_at = now
                    on_progress(life.progress)
                if not life.stopped and stop():
                    life.stopped, life.stopped_at = True, now
                    self._ask_to_leave(launcher.pid)
            life.end = "stuck" if code is None else f"exit code {code}"
        wait_until_empty(self.folder, self.clock, self.config.stop_grace_s)
        life.listen(self.clock.monotonic())
        on_progress(life.progress)
        return life

    def _ask_to_leave(self, launcher: int) -> None:
        """DeepSpeed's launcher tells its ranks; its runner would leave them, so there everybody is told."""
        with suppress(ProcessLookupError):
            (os.killpg if self.config.hostfile else os.kill)(launcher, signal.SIGTERM)

    def _last_words(self) -> str:
        """The first error in the end of the log: those of other ranks tell of the first one's death only."""
        tail = (self.folder / LOG).read_bytes()[-LOG_TAIL:].decode(errors="replace").strip()
        error = ERROR.search(tail)
        return error[1] if error else tail[-500:]


@dataclass
class _Life:
    """What is known of ranks between their start and their end."""

    follower: Follower
    heard_at: float
    progress: Progress = field(default_factory=lambda: Progress("training"))
    last: Line | None = None
    saved: int = 0
    """The step that the next life would begin with."""
    stopped: bool = False
    stopped_at: float = 0.0
    end: str = ""

    def listen(self, now: float) -> bool:
        """Whether there was something to hear."""
        news = self.follower.news()
        for line in news:
            self._hear(line)
        if news:
            self.heard_at = now
        return bool(news)

    def overdue(self, now: float, config: TrainingConfig) -> bool:
        if self.stopped:
            return now - self.stopped_at > config.stop_grace_s
        return now - self.heard_at > config.silence_s

    def _hear(self, line: Line) -> None:
        if self.last is None or self.last.kind not in ENDS:
            self.last = line
        if line.kind is Kind.REFUSED:
            logger.warning("checkpoint refused", detail=line.detail)
        if line.kind in (Kind.BEGAN, Kind.SAVED, Kind.STOPPED):
            self.saved = line.step
        if line.kind in (Kind.BEGAN, Kind.STEP):
            self.progress = Progress("training", line.step, line.steps, line.loss, line.items_per_s)


def launch_command(folder: Path, config: TrainingConfig, rank_module: str, port: int) -> list[str]:
    """DeepSpeed's launcher for this machine; with a host file its runner, which starts that on each machine.

    Settings of processes go by `env`, as they must be there before Python is.
    """
    orders = ["--run", str(folder), "--threads", str(config.threads), "--keep", str(config.keep_checkpoints)]
    orders += ["--checkpoint-steps", str(config.checkpoint_steps), *(["--compiled"] if config.compiled else [])]
    address = [f"--master_addr={config.master_address}", f"--master_port={port}"]
    rank = ["--no_local_rank", "--module", rank_module, *orders]
    start = ["env", *environment(config), sys.executable, "-m"]
    if config.hostfile:
        return [*start, "deepspeed.launcher.runner", f"--hostfile={config.hostfile}", *address, *rank]
    world = base64.urlsafe_b64encode(json.dumps({"localhost": list(range(config.ranks))}).encode()).decode()
    return [*start, "deepspeed.launcher.launch", f"--world_info={world}", *address, "-q", *rank, "--tethered"]


def environment(config: TrainingConfig) -> list[str]:
    """What ranks need to be told before they start: which device, one thread each, sums in one order on GPUs too."""
    on_cpu = config.accelerator == "cpu" or (config.accelerator == "auto" and not any(f.exists() for f in GPU_FILES))
    return [
        f"DS_ACCELERATOR={'cpu' if on_cpu else 'cuda'}",
        f"OMP_NUM_THREADS={config.threads}",
        "CUBLAS_WORKSPACE_CONFIG=:4096:8",
        "PYTHONWARNINGS=ignore",
    ]


def free_port() -> int:
    """One that nobody has at the moment. Should somebody take it first, the ranks die and start again on another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _started(command: list[str], log_file: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs it in a session of its own with a pipe that only we hold; afterwards nobody of that session is left."""
    with log_file.open("ab") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _limit(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.unlink()

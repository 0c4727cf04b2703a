from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from infra.supervisor.child import Child, ProcessSpec, Readiness, State
from infra.supervisor.config import SupervisorConfig
from streams.retry import BackoffConfig

CONFIG = SupervisorConfig(backoff=BackoffConfig(first_s=1.0, longest_s=8.0), stable_after_s=60.0)


@dataclass
class HandClock:
    """Time that a test moves."""

    now: float = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@dataclass
class Puppet:
    """A process that ends when a test says so."""

    pid: int = 1
    code: int | None = None
    asked_to_stop: bool = False

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.asked_to_stop = True

    def kill_session(self) -> None:
        self.code = self.code if self.code is not None else -9


class Stage:
    """A child with its clock and every process it was given."""

    def __init__(self, probe: Callable[[], Readiness] = lambda: Readiness(True)) -> None:
        self.clock = HandClock()
        self.processes: list[Puppet] = []
        spec = ProcessSpec("part", ("part",), Path("part.log"), probe)
        self.child = Child(spec, CONFIG, self.clock, self._launch)
        self.child.start()

    def _launch(self, _: ProcessSpec) -> Puppet:
        self.processes.append(Puppet())
        return self.processes[-1]

    def crash(self, code: int = 1) -> None:
        self.processes[-1].code = code
        self.child.tend()

    def pause(self) -> float:
        """How long the child waits until it starts again."""
        before, started = len(self.processes), self.clock.now
        while len(self.processes) == before:
            self.clock.sleep(0.01)
            self.child.tend()
        return self.clock.now - started


def test_a_process_that_ended_starts_again_after_a_pause() -> None:
    stage = Stage()
    stage.crash()
    assert stage.child.state is State.BACKING_OFF
    stage.pause()
    assert (stage.child.state, stage.child.restarts) == (State.STARTING, 1)


def test_pauses_grow_while_it_keeps_ending() -> None:
    stage = Stage()
    stage.crash()
    first = stage.pause()
    stage.crash()
    stage.pause()
    stage.crash()
    assert stage.pause() > first


def test_pauses_never_grow_beyond_the_longest() -> None:
    stage = Stage()
    for _ in range(6):
        stage.crash()
        stage.pause()
    stage.crash()
    assert stage.pause() <= 8.02


def test_a_process_that_stayed_up_starts_again_with_the_first_pause() -> None:
    stage = Stage()
    for _ in range(4):
        stage.crash()
        stage.pause()
    stage.clock.sleep(61.0)
    stage.crash()
    assert stage.pause() <= 1.02


def test_a_process_that_says_its_settings_are_wrong_is_not_started_again() -> None:
    stage = Stage()
    stage.crash(code=2)
    stage.clock.sleep(100.0)
    assert stage.child.tend() is None
    assert (stage.child.state, len(stage.processes)) == (State.REFUSED, 1)


def test_a_process_that_was_asked_to_stop_is_not_started_again() -> None:
    stage = Stage()
    stage.child.terminate()
    assert stage.processes[0].asked_to_stop
    stage.crash(code=0)
    stage.clock.sleep(100.0)
    stage.child.tend()
    assert (stage.child.state, len(stage.processes)) == (State.STOPPED, 1)


def test_stopping_during_a_pause_ends_the_pause() -> None:
    stage = Stage()
    stage.crash()
    stage.child.terminate()
    stage.clock.sleep(100.0)
    stage.child.tend()
    assert (stage.child.state, len(stage.processes)) == (State.STOPPED, 1)


def test_it_counts_as_running_once_it_said_that_it_is_ready() -> None:
    stage = Stage()
    stage.child.probe()
    assert stage.child.state is State.RUNNING


def test_it_stays_starting_while_it_waits_and_gives_its_reason() -> None:
    stage = Stage(lambda: Readiness(False, ("the broker is down",)))
    assert stage.child.probe().reasons == ("the broker is down",)
    assert stage.child.state is State.STARTING


def test_how_it_ended_is_kept_for_people() -> None:
    stage = Stage()
    stage.crash(code=-9)
    assert stage.child.last_exit == "ended by SIGKILL"


def test_a_log_that_grew_too_long_is_moved_aside_once(tmp_path: Path) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b"x" * (2**20 + 1))
    spec = ProcessSpec("part", ("part",), log, lambda: Readiness(True))
    Child(spec, SupervisorConfig(log_limit_mib=1), HandClock(), lambda _: Puppet()).limit_log()
    assert (log.stat().st_size, (tmp_path / "part.log.old").stat().st_size) == (0, 2**20 + 1)

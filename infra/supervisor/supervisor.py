"""Starts foundations, then workers; keeps them alive; stops them in the opposite order.

Everything happens in the main thread: the kernel ties each child to the thread that started it (see tether.py).
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.supervisor.child import Child, ProcessSpec, State
from infra.supervisor.config import SupervisorConfig
from infra.supervisor.state import ProcessSnapshot, Snapshot, end_orphans, read_snapshot, write_snapshot
from streams.clock import Clock, SystemClock
from streams.errors import Misconfigured, Unavailable

TICK_S = 0.1
LOG_CHECK_S = 10.0
PREPARE_PAUSE_S = 1.0

Say = Callable[[str, str], None]
"""Told the name of a process and what happened to it, for people."""


class StopRequested(BaseException):
    """A signal asked for the end while something long was under way."""


class Supervisor:
    """The processes of one data folder. The caller holds the folder's lock."""

    def __init__(
        self,
        data_dir: Path,
        foundations: Sequence[ProcessSpec],
        workers: Sequence[ProcessSpec],
        prepare: Callable[[], None],
        config: SupervisorConfig,
        say: Say,
        bootstrap: str = "",
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._data_dir, self._prepare, self._config, self._say = data_dir, prepare, config, say
        self._foundations = [Child(spec, config, self._clock) for spec in foundations]
        self._workers = [Child(spec, config, self._clock) for spec in workers]
        self._bootstrap, self._started_at = bootstrap, self._clock.time()
        self._phase = "starting"
        self._written: Snapshot | None = None
        self._disk_trouble = False
        self._signals = 0
        self._interruptible = False
        self._logs_checked_at = self._clock.monotonic()

    def run(self, on_ready: Callable[[], None] = lambda: None) -> None:
        """Until SIGTERM or SIGINT. Raises when what it was given cannot start; whatever happens, all has ended then."""
        with self._listening():
            try:
                for pid in end_orphans(read_snapshot(self._data_dir)):
                    self._say("supervisor", f"ended pid {pid}, left behind by an earlier supervisor")
                self._bring_up()
                self._watch(on_ready)
            except StopRequested:
                pass
            finally:
                self._bring_down()

    @property
    def _children(self) -> list[Child]:
        return [*self._foundations, *self._workers]

    def _bring_up(self) -> None:
        for child in self._foundations:
            self._start([child])
            self._await(child)
        self._prepare_patiently()
        self._start(self._workers)

    def _watch(self, on_ready: Callable[[], None]) -> None:
        deadline = self._clock.monotonic() + self._config.ready_timeout_s
        while not self._signals:
            self._tick()
            unready = self._unready(self._children)
            if self._phase == "ready":
                continue
            if not unready:
                self._phase = "ready"
                self._publish()
                on_ready()
            elif self._clock.monotonic() > deadline:
                deadline += self._config.ready_timeout_s
                for child, reason in unready.items():
                    self._say(child.spec.name, f"is still not ready: {reason}")

    def _start(self, children: Sequence[Child]) -> None:
        for child in children:
            child.start()
            self._say(child.spec.name, f"starts (pid {child.pid})")
        self._publish()

    def _await(self, foundation: Child) -> None:
        deadline = self._clock.monotonic() + self._config.ready_timeout_s
        while unready := self._unready([foundation]):
            if self._clock.monotonic() > deadline:
                reason, log = unready[foundation], foundation.spec.log_file
                raise Unavailable(f"{foundation.spec.name} is not ready: {reason}; see {log}")
            self._tick()
            if self._signals:
                raise StopRequested

    def _unready(self, children: Sequence[Child]) -> dict[Child, str]:
        """Those that have not been ready since they started, with the reason. Raises Misconfigured if one refuses."""
        unready = {}
        for child in children:
            if child.state is State.REFUSED and self._phase == "starting":
                raise Misconfigured(f"{child.spec.name} refuses to start: {_last_line(child.spec.log_file)}")
            if child.state is not State.RUNNING and (reason := self._greet(child)) is not None:
                unready[child] = reason
        return unready

    def _greet(self, child: Child) -> str | None:
        """None once it is ready, else the reason."""
        readiness = child.probe()
        if not readiness.ready:
            return "; ".join(readiness.reasons) or "no answer"
        took_s = self._clock.time() - (child.started_at or 0.0)
        self._say(child.spec.name, f"is ready after {took_s:.1f} s")
        return None

    def _prepare_patiently(self) -> None:
        """A dependency that has only just started may need a moment; one that is down for long ends the start."""
        deadline = self._clock.monotonic() + self._config.ready_timeout_s
        while True:
            try:
                return self._interruptibly(self._prepare)
            except Unavailable as error:
                if self._clock.monotonic() > deadline:
                    raise
                self._say("supervisor", f"waits: {error}")
            self._interruptibly(lambda: self._clock.sleep(PREPARE_PAUSE_S))

    def _interruptibly(self, act: Callable[[], None]) -> None:
        """Lets a signal end something that does not look for signals itself."""
        if self._signals:
            raise StopRequested
        self._interruptible = True
        try:
            act()
        finally:
            self._interruptible = False

    def _tick(self) -> None:
        self._clock.sleep(TICK_S)
        for child in self._children:
            if what := child.tend():
                self._say(child.spec.name, what)
        self._publish()
        if self._clock.monotonic() - self._logs_checked_at > LOG_CHECK_S:
            self._logs_checked_at = self._clock.monotonic()
            for child in self._children:
                child.limit_log()

    def _bring_down(self) -> None:
        self._phase = "stopping"
        self._stop(self._workers)
        for child in reversed(self._foundations):
            self._stop([child])

    def _stop(self, children: Sequence[Child]) -> None:
        """Asks all at once, waits for each its grace time, kills what remains. A second signal cuts the wait short."""
        for child in children:
            child.terminate()
        asked_at = self._clock.monotonic()
        while any(child.pid for child in children):
            for child in children:
                grace_s = child.spec.stop_grace_s or self._config.stop_grace_s
                if child.pid and (self._signals > 1 or self._clock.monotonic() - asked_at > grace_s):
                    child.kill()
            self._tick()

    def _publish(self) -> None:
        """Writes the snapshot if anything in it changed."""
        snapshot = Snapshot(
            pid=os.getpid(),
            started_at=self._started_at,
            phase=self._phase,
            bootstrap=self._bootstrap,
            processes=tuple(ProcessSnapshot.of(child) for child in self._children),
        )
        if snapshot == self._written:
            return
        try:
            write_snapshot(self._data_dir, snapshot)
        except OSError as error:  # a full disk must not end what runs; it is tried again at the next tick
            if not self._disk_trouble:
                self._say("millrace", f"cannot write to {self._data_dir}: {error.strerror}; what runs goes on")
            self._disk_trouble = True
        else:
            self._written, self._disk_trouble = snapshot, False

    @contextmanager
    def _listening(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._heard) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, _number: int, _frame: object) -> None:
        self._signals += 1
        if self._interruptible:
            self._interruptible = False
            raise StopRequested


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines() if file.exists() else []
    return lines[-1] if lines else f"see {file}"

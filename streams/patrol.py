"""A thread that does one thing again and again, backs off while the world is down, and says what it waits for."""

import _thread
import random
import threading
from collections.abc import Callable

import structlog

from streams.errors import MillraceError
from streams.metrics import FAILURES
from streams.retry import BackoffConfig, delays

logger = structlog.get_logger()


class Patrol:
    """Repeats `step`, which answers whether there is more to do at once. `start`, `stop` and `ready` as services do.

    A step that fails with one of our errors is repeated, after longer and longer pauses; any other failure is a bug
    and ends the process: `on_bug` wakes it, and the failure goes on to `threading.excepthook`, which tells it why.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], bool],
        pause_s: float,
        backoff: BackoffConfig,
        on_bug: Callable[[], None] = _thread.interrupt_main,
    ) -> None:
        self._name = name
        self._step = step
        self._pause_s = pause_s
        self._backoff = backoff
        self._on_bug = on_bug
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._reason: str | None = "has not begun"
        self._waiting = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """After the step in hand, if that ends in time; whatever it left half-done is taken up by the next start."""
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def wake(self) -> None:
        """Ends a pause early, but not a back-off. Safe from any thread."""
        self._wake.set()

    def ready(self) -> str | None:
        """None, or what is waited for."""
        return self._reason

    def _run(self) -> None:
        waits = delays(self._backoff, random.Random())
        try:
            while not self._stopping.is_set():
                try:
                    more = self._step()
                except MillraceError as error:
                    self._wait(next(waits), str(error))
                    continue
                waits = delays(self._backoff, random.Random())
                self._going_on()
                if not more:
                    self._wake.wait(self._pause_s)
                self._wake.clear()
        except BaseException as error:
            self._reason = "stopped by a bug; its traceback is in the log"
            logger.critical("a patrol failed; the process stops", patrol=self._name, error=repr(error))
            self._on_bug()
            raise  # the thread's own hook prints the traceback

    def _going_on(self) -> None:
        if self._waiting:
            logger.info("going on", patrol=self._name)
        self._reason, self._waiting = None, False

    def _wait(self, delay_s: float, reason: str) -> None:
        if not self._waiting:
            logger.warning("waiting", patrol=self._name, reason=reason)
        self._reason, self._waiting = reason, True
        FAILURES.labels(self._name).inc()
        self._stopping.wait(delay_s)

"""What a stage says about itself: alive or not, ready or waiting, and for what."""

import threading
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """A dependency is down; nothing is lost, the same records are tried again."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Report:
    """A moment of a stage's life. `lag` is records behind; None before the first assignment."""

    state: State
    reason: str = ""
    lag: int | None = None
    assigned: int = 0
    """Partitions this member reads."""

    @property
    def ready(self) -> bool:
        return self.state is State.RUNNING


class Health:
    """Written by the stage's thread, read by the health endpoint."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._report = Report(State.STARTING)

    def set(self, report: Report) -> None:
        with self._lock:
            self._report = report

    @property
    def report(self) -> Report:
        with self._lock:
            return self._report

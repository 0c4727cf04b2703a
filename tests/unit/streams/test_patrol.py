"""The thread that never gives up."""

import threading
from collections.abc import Callable

import pytest

from streams.errors import Unavailable
from streams.patrol import Patrol
from streams.retry import BackoffConfig

QUICK = BackoffConfig(first_s=0.01, longest_s=0.01)
PATIENCE_S = 20.0


class Work:
    """Steps that fail as often as told, and say when a number of them is done."""

    def __init__(self, failures: int = 0, until: int = 1, error: Exception | None = None) -> None:
        self.steps = 0
        self.failures = failures
        self.until = until
        self.error = error or Unavailable("the neighbour is out")
        self.done = threading.Event()
        self.seen: list[str | None] = []
        self.ready: Callable[[], str | None] = lambda: None

    def step(self) -> bool:
        self.seen.append(self.ready())
        self.steps += 1
        if self.steps <= self.failures:
            raise self.error
        if self.steps >= self.until:
            self.done.set()
        return self.steps < self.until


def test_a_step_that_has_more_to_do_is_repeated_at_once() -> None:
    work = Work(until=5)
    patrol = Patrol("p", work.step, 3600.0, QUICK)
    patrol.start()
    assert work.done.wait(PATIENCE_S)
    patrol.stop()


def test_while_the_world_is_down_it_says_so_and_tries_again() -> None:
    work = Work(failures=3, until=4)
    patrol = Patrol("p", work.step, 3600.0, QUICK)
    work.ready = patrol.ready
    patrol.start()
    assert work.done.wait(PATIENCE_S)
    patrol.stop()
    assert work.seen == ["has not begun", *["the neighbour is out"] * 3]
    assert patrol.ready() is None


def test_waking_ends_a_pause() -> None:
    work = Work(until=1)
    patrol = Patrol("p", work.step, 3600.0, QUICK)
    patrol.start()
    assert work.done.wait(PATIENCE_S)
    work.done.clear()
    patrol.wake()
    assert work.done.wait(PATIENCE_S)
    patrol.stop()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_the_process_and_is_named() -> None:
    ended = threading.Event()
    work = Work(failures=1, error=ValueError("a bug"))
    patrol = Patrol("p", work.step, 3600.0, QUICK, on_bug=ended.set)
    patrol.start()
    assert ended.wait(PATIENCE_S)
    patrol.stop()
    assert "bug" in (patrol.ready() or "")

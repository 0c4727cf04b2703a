"""How a worker ends: stages first, then what they work with, and never that under a stage that still runs."""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack

import pytest

from infra.worker.config import WorkerConfig
from infra.worker.process import Parts, Service, Worker
from schemas.event import Event
from schemas.items import ItemPublished
from streams.codec import encode
from streams.errors import Misconfigured
from streams.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from streams.patrol import Patrol
from streams.retry import BackoffConfig
from streams.runner import Runner
from streams.stage import Incoming, Stage
from streams.topics import RAW

TOPIC = RAW.full_name("t")


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def runner(handle: Callable[[Incoming], Iterable[Event]]) -> Runner:
    log = MemoryBroker({TOPIC: 1})
    log.append(TOPIC, encode(ItemPublished(item_id="a", text="a"), "test"))
    return Runner(Stage("s", (RAW,), (), handle), MemoryConsumer(log, "t.s", [TOPIC]), MemoryProducer(log), "t")


def worker(handle: Callable[[Incoming], Iterable[Event]], closed: threading.Event, grace_s: float = 20.0) -> Worker:
    """`closed` is set when the parts are closed."""
    close = ExitStack()
    close.callback(closed.set)
    return Worker("test", Parts({"s": runner(handle)}, close=close), WorkerConfig(stop_grace_s=grace_s), 0)


def test_a_stage_that_cannot_go_on_ends_the_worker_in_good_order() -> None:
    def refuse(_: Incoming) -> list[Event]:
        raise Misconfigured("another of this name is running")

    closed = threading.Event()
    assert worker(refuse, closed).run() == 1
    assert closed.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_stage_ends_the_worker_in_good_order() -> None:
    def fail(_: Incoming) -> list[Event]:
        raise ZeroDivisionError

    closed = threading.Event()
    assert worker(fail, closed).run() == 1
    assert closed.is_set()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_service_ends_the_worker_with_the_exit_code_of_a_failure() -> None:
    def fail() -> bool:
        raise ZeroDivisionError

    patrol = Patrol("p", fail, 3600.0, BackoffConfig())
    service = Service("p", patrol.start, patrol.stop, patrol.ready)
    closed = threading.Event()
    close = ExitStack()
    close.callback(closed.set)
    parts = Parts({"s": runner(lambda _: [])}, (service,), close=close)
    assert Worker("test", parts, WorkerConfig(stop_grace_s=20.0), 0).run() == 1
    assert closed.is_set()


def test_a_worker_that_is_told_to_stop_ends_with_exit_code_0() -> None:
    def stop(_: Incoming) -> list[Event]:
        os.kill(os.getpid(), signal.SIGTERM)
        return []

    assert worker(stop, threading.Event()).run() == 0


def test_parts_are_not_closed_under_a_stage_that_does_not_end() -> None:
    closed, let_go = threading.Event(), threading.Event()

    def hang(_: Incoming) -> list[Event]:
        os.kill(os.getpid(), signal.SIGTERM)
        let_go.wait(30.0)
        return []

    worker(hang, closed, grace_s=0.1).run()
    assert not closed.is_set()
    let_go.set()

"""Runs the stages of one process until it is told to stop, and tells operators how they are.

A stage or any other thread that meets a bug stops the whole process with its traceback and exit code 1: whoever
supervises it starts it again, and the records in hand are read again.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from infra.worker.config import WorkerConfig
from infra.worker.memory import look_for_cycles_seldom
from infra.worker.ops_server import Call, Handler, OpsServer, Reply, Routes, json_reply, metrics, problem
from streams.errors import MillraceError
from streams.health import Health, State
from streams.port import Start

SWITCH_S = 0.0005
"""A thread that has the interpreter gives it up after so long. A search asks for it again after each operation of its
encoder: at Python's five milliseconds it waits that long each time while another thread writes or compares."""

logger = structlog.get_logger()


class Driver(Protocol):
    """What drives a stage: the runner, or something with its face."""

    @property
    def health(self) -> Health: ...
    def run(self) -> None:
        """Until `stop`."""

    def stop(self) -> None: ...
    def replay(self, start: Start) -> None: ...


@dataclass(frozen=True, slots=True)
class Service:
    """Something beside the stages that runs in the process, such as the API. `ready` gives None or the reason."""

    name: str
    start: Callable[[], None]
    stop: Callable[[], None]
    ready: Callable[[], str | None] = lambda: None


@dataclass(frozen=True, slots=True)
class Parts:
    """What a process is made of. `close` holds what must be closed after the stages have ended."""

    runners: Mapping[str, Driver]
    services: Sequence[Service] = ()
    routes: dict[tuple[str, str], Handler] = field(default_factory=dict)
    close: ExitStack = field(default_factory=ExitStack)


class Worker:
    """One process of Millrace."""

    def __init__(self, name: str, parts: Parts, config: WorkerConfig, ops_port: int) -> None:
        self._name = name
        self._parts = parts
        self._config = config
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._ops = OpsServer(config.host, ops_port, self._routes())
        self._threads = [
            threading.Thread(target=self._drive, args=(runner,), name=stage, daemon=True)
            for stage, runner in parts.runners.items()
        ]

    def run(self) -> int:
        """Until a signal or a failure; the exit code. Call from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        with self._noticing_bugs():
            self._work()
        logger.info("stopped", process=self._name)
        return 1 if self._failures else 0

    def _work(self) -> None:
        look_for_cycles_seldom()
        sys.setswitchinterval(SWITCH_S)
        self._ops.start()
        for service in self._parts.services:
            service.start()
        for thread in self._threads:
            thread.start()
        logger.info("started", process=self._name, stages=list(self._parts.runners), ops_port=self._ops.port)
        while not self._stop.wait(1.0):
            pass
        self._end()

    @contextmanager
    def _noticing_bugs(self) -> Iterator[None]:
        """A thread that dies by a bug takes the process along: half a worker that looks alive is worse than none."""
        printed = threading.excepthook

        def notice(died: threading.ExceptHookArgs) -> None:
            if died.exc_value is not None:
                self._failures.append(died.exc_value)
            printed(died)
            self._stop.set()

        threading.excepthook = notice
        try:
            yield
        finally:
            threading.excepthook = printed

    def _drive(self, runner: Driver) -> None:
        try:
            runner.run()
        except MillraceError as error:
            self._failures.append(error)
            logger.critical("a stage cannot go on; the process stops", process=self._name, reason=str(error))
        except BaseException:
            logger.critical("a stage failed; the process stops", process=self._name)
            raise  # the thread's own hook prints the traceback, and notes the failure
        finally:
            self._stop.set()

    def _end(self) -> None:
        deadline = time.monotonic() + self._config.stop_grace_s
        for runner in self._parts.runners.values():
            runner.stop()
        for service in reversed(self._parts.services):
            service.stop()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if late := [thread.name for thread in self._threads if thread.is_alive()]:
            logger.error("did not stop in time; what is in hand will be read again", process=self._name, stages=late)
        else:  # nobody closes what a stage still works with
            self._parts.close.close()
        self._ops.stop()

    def _routes(self) -> Routes:
        return {
            ("GET", "/metrics"): metrics,
            ("GET", "/healthz"): lambda _: json_reply(200, {"status": "alive", "process": self._name}),
            ("GET", "/readyz"): lambda _: self._readiness(),
            ("POST", "/replay"): self._replay,
            **self._parts.routes,
        }

    def _readiness(self) -> Reply:
        reports = {stage: runner.health.report for stage, runner in self._parts.runners.items()}
        stages = {
            stage: {"state": r.state, "reason": r.reason, "lag": r.lag, "assigned": r.assigned}
            for stage, r in reports.items()
        }
        services = {service.name: service.ready() for service in self._parts.services}
        reasons = [f"{stage}: {r.reason or r.state}" for stage, r in reports.items() if r.state is not State.RUNNING]
        reasons += [f"{name}: {reason}" for name, reason in services.items() if reason]
        body = {"ready": not reasons, "reasons": reasons, "process": self._name, "stages": stages}
        return json_reply(503 if reasons else 200, body)

    def _replay(self, call: Call) -> Reply:
        try:
            request = ReplayRequest.model_validate_json(call.body)
        except ValidationError as error:
            return problem(422, "Unprocessable Content", str(error))
        runner = self._parts.runners.get(request.stage)
        if runner is None:
            return problem(404, "Not Found", f"{self._name} runs {', '.join(self._parts.runners) or 'no stage'}")
        runner.replay(Start(request.since))
        return json_reply(202, {"stage": request.stage, "since": json.loads(request.model_dump_json())["since"]})


class ReplayRequest(BaseModel):
    """Asks a stage to read its topics again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: str
    since: AwareDatetime | None = None
    """Records written from then on; None means all there are."""

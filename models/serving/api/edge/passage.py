"""The passage of a request: its id, its bounds, its line in the log and its numbers.

Plain ASGI, so that a body is cut off while it streams in and nothing is buffered on the way out.
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import anyio
import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.serving.api import metrics
from models.serving.api.config import ApiConfig
from models.serving.api.edge.answers import MODEL_HEADER
from models.serving.api.edge.problems import Problem, problem_response

logger = structlog.get_logger()

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")
PROBES = frozenset({"/healthz", "/readyz", "/v1/metrics"})
"""Answered also when the house is full, and not logged."""
CLOSE = {"Connection": "close"}
"""The rest of the body is not read."""
COME_AGAIN = {"Retry-After": "1"}


class Passage:
    """Wraps the app. `model_version` goes into every answer that does not name another; it must not wait."""

    def __init__(self, app: ASGIApp, config: ApiConfig, model_version: Callable[[], str]) -> None:
        self._app = app
        self._config = config
        self._model_version = model_version
        self._in_flight = 0
        self._held = Held(config.max_held_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = _request_id(headers)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["answer_headers"] = {"X-Request-ID": request_id, MODEL_HEADER: self._model_version()}
        answer = _Answer(send, state["answer_headers"])
        started = time.perf_counter()
        self._in_flight += 1
        metrics.IN_FLIGHT.set(self._in_flight)
        try:
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._admit(scope, headers, receive, answer)
        finally:
            self._in_flight -= 1
            metrics.IN_FLIGHT.set(self._in_flight)
            _record(scope, answer.status, time.perf_counter() - started)

    async def _admit(self, scope: Scope, headers: Headers, receive: Receive, send: "_Answer") -> None:
        if self._in_flight > self._config.max_in_flight and scope["path"] not in PROBES:
            detail = f"{self._config.max_in_flight} requests are in progress; try again"
            full = Problem(429, "too-many-requests", detail, COME_AGAIN)
            await problem_response(scope, full)(scope, receive, send)
            return
        body = _Body(receive, _limit(headers, self._config), self._config.body_timeout_s, self._held)
        if _announced(headers) > body.limit:
            await problem_response(scope, body.too_large())(scope, receive, send)
            return
        try:
            await self._app(scope, body, send)
        finally:
            self._held.bytes -= body.received


class _Answer:
    """Sends, adds the standing headers that are not there yet and remembers the status; 500 until an answer begins."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self.status = 500
        self._send = send
        self._headers = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            said = list(message.get("headers", []))
            named = {name.lower() for name, _ in said}
            message["headers"] = [*said, *(header for header in self._headers if header[0] not in named)]
        await self._send(message)


@dataclass(slots=True)
class Held:
    """Bytes of bodies in memory, of all requests together."""

    limit: int
    bytes: int = 0


class _Body:
    """Receives, up to a number of bytes and until a time."""

    def __init__(self, receive: Receive, limit: int, timeout_s: float, held: Held) -> None:
        self.limit = limit
        self.received = 0
        self._held = held
        self._receive = receive
        self._timeout_s = timeout_s
        self._deadline: float | None = None
        self._whole = False

    async def __call__(self) -> Message:
        if self._whole:
            return await self._receive()  # waits for the client to go away
        if self._deadline is None:
            self._deadline = anyio.current_time() + self._timeout_s
        with anyio.move_on_at(self._deadline):
            return self._counted(await self._receive())
        raise Problem(408, "body-timeout", f"the body did not arrive within {self._timeout_s:g} s", CLOSE)

    def too_large(self) -> Problem:
        return Problem(413, "body-too-large", f"the body is larger than {self.limit} bytes", CLOSE)

    def _counted(self, message: Message) -> Message:
        size = len(message.get("body", b""))
        self.received += size
        self._held.bytes += size
        if self.received > self.limit:
            raise self.too_large()
        if self._held.bytes > self._held.limit:
            raise Problem(429, "too-many-requests", "too many bodies are in progress; try again", CLOSE | COME_AGAIN)
        self._whole = not message.get("more_body", False)
        return message


def _limit(headers: Headers, config: ApiConfig) -> int:
    multipart = headers.get("content-type", "").lower().startswith("multipart/")
    return config.max_upload_bytes if multipart else config.max_json_bytes


def _announced(headers: Headers) -> int:
    length = headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdecimal() and len(length) < 19 else 0


def _request_id(headers: Headers) -> str:
    """The client's id if it is fit for logs and headers, else a new one."""
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex


def _record(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path_format", "unmatched")
    metrics.REQUESTS.labels(_method(scope), route, str(status)).inc()
    metrics.REQUEST_SECONDS.labels(route).observe(seconds)
    if scope["path"] not in PROBES:
        state = scope["state"]
        logger.info(
            "answered",
            method=_method(scope),
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            request_id=state["request_id"],
            tenant=state.get("tenant"),
        )


def _method(scope: Scope) -> str:
    """One of the known methods, so that nobody can fill the metrics with inventions."""
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return scope["method"] if scope["method"] in known else "OTHER"

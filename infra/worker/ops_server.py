"""The door for operators: `/metrics`, `/healthz`, `/readyz` of every worker, and what a worker adds to them."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar, NamedTuple

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

MAX_BODY_BYTES = 1_048_576
REQUEST_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    content_type: str = "application/json"


class Call(NamedTuple):
    """What was asked."""

    body: bytes
    headers: Mapping[str, str]


Handler = Callable[[Call], Reply]
Routes = Mapping[tuple[str, str], Handler]
"""(method, path) to what answers it."""


def json_reply(status: int, body: object) -> Reply:
    return Reply(status, json.dumps(body).encode())


def problem(status: int, title: str, detail: str) -> Reply:
    """An error as RFC 9457 problem details."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Reply(status, json.dumps(body).encode(), "application/problem+json")


def metrics(_: Call) -> Reply:
    return Reply(200, generate_latest(), CONTENT_TYPE_LATEST)


class OpsServer:
    """Answers from threads of its own, so that a busy stage never looks dead."""

    def __init__(self, host: str, port: int, routes: Routes) -> None:
        handler = type("OpsHandler", (_OpsHandler,), {"routes": routes})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="ops", daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_port

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _OpsHandler(BaseHTTPRequestHandler):
    routes: ClassVar[Routes] = {}
    timeout = REQUEST_TIMEOUT_S
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def log_message(self, format: str, *args: object) -> None:
        """Silent: probes would drown the log."""

    def _answer(self, method: str) -> None:
        path = self.path.partition("?")[0]
        handler = self.routes.get((method, path))
        length = self.headers.get("Content-Length", "0")
        if handler is None:
            self.close_connection = True
            reply = problem(404, "Not Found", f"{method} {path} is not served here")
        elif not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            reply = problem(413, "Content Too Large", f"at most {MAX_BODY_BYTES} bytes")
        else:
            reply = handler(Call(self.rfile.read(int(length)), dict(self.headers.items())))
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

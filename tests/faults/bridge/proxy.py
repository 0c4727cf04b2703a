"""A neighbour between the bridge and Label Studio that drops replies, resets, delays and fails, as it is told or drawn.

It forwards whole requests, so that a fault is a fault of one request. What is drawn comes from a seed and is bounded:
after so many faults it only forwards.
"""

import http.client
import random
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

UPSTREAM_TIMEOUT_S = 60.0


class Fault(StrEnum):
    DROP_REPLY = "drop_reply"
    """The server does it, and nobody hears of it."""
    RESET = "reset"
    """The connection breaks before the server hears anything."""
    RESET_REPLY = "reset_reply"
    """The connection breaks in the middle of the reply."""
    DELAY = "delay"
    ERROR = "error"
    """500, and nothing was done."""
    BAD_GATEWAY = "bad_gateway"
    """502, although it was done."""


Choice = Callable[[str, str], Fault | None]
"""Method and path to what happens to the request."""


class Drawn:
    """Faults drawn from a seed, at most so many."""

    def __init__(self, seed: int, rates: Mapping[Fault, float], most: int) -> None:
        self._random = random.Random(seed)
        self._rates = rates
        self._left = most

    def __call__(self, method: str, path: str) -> Fault | None:
        at = self._random.random()
        for fault, rate in self._rates.items():
            at -= rate
            if at < 0:
                self._left -= 1
                return fault if self._left >= 0 else None
        return None


class Proxy:
    """Listens on the loopback until the block ends. `down` breaks every connection."""

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        self.upstream = parts.hostname or "127.0.0.1", parts.port or 80
        self.choose: Choice = lambda method, path: None
        self.down = False
        self.delay_s = 0.3
        self.dealt: Counter[Fault] = Counter()
        self.requests: Counter[str] = Counter()
        """By method and path."""
        self._lock = Lock()
        handler = type("ProxyHandler", (_Handler,), {"proxy": self})
        self._server = _QuietServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fate(self, method: str, path: str) -> Fault | None:
        with self._lock:
            self.requests[f"{method} {path}"] += 1
            fault = Fault.RESET if self.down else self.choose(method, path)
            if fault is not None:
                self.dealt[fault] += 1
            return fault


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has given up is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    proxy: ClassVar[Proxy]
    protocol_version = "HTTP/1.1"
    timeout = 60

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        fault = self.proxy.fate(self.command, self.path.partition("?")[0])
        if fault is Fault.RESET:
            self._reset()
            return
        if fault is Fault.ERROR:
            self._reply(500, b'{"detail": "a fault of the proxy"}')
            return
        if fault is Fault.DELAY:
            time.sleep(self.proxy.delay_s)
        status, said = self._forward(body)
        if fault is Fault.DROP_REPLY:
            self._reset()
        elif fault is Fault.BAD_GATEWAY:
            self._reply(502, b"<html>bad gateway</html>")
        elif fault is Fault.RESET_REPLY:
            self._reply(status, said, len(said) // 2)
            self._reset()
        else:
            self._reply(status, said)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        host, port = self.proxy.upstream
        connection = http.client.HTTPConnection(host, port, timeout=UPSTREAM_TIMEOUT_S)
        kept = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection", "content-length")}
        try:
            connection.request(self.command, self.path, body or None, kept)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def _reply(self, status: int, body: bytes, only: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:only])
        self.wfile.flush()

    def _reset(self) -> None:
        """Closes with RST, so that the client sees a broken connection and no end of it."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

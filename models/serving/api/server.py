"""Runs the app in a thread of a process that does other things too."""

import socket
import threading
import time

import structlog
import uvicorn
from fastapi import FastAPI

from streams.errors import Misconfigured, Unavailable

logger = structlog.get_logger()

START_S = 30.0
LOOK_S = 0.01


class ApiServer:
    """One uvicorn server. Signals stay with the main thread's owner."""

    def __init__(self, app: FastAPI, host: str, port: int, stop_grace_s: float = 10.0) -> None:
        self._host = host
        self._port = port
        self._grace_s = stop_grace_s
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,  # the app logs each answer, with its request id
                server_header=False,
                timeout_graceful_shutdown=max(1, int(stop_grace_s)),
            )
        )
        self._socket: socket.socket | None = None
        self._thread = threading.Thread(target=self._run, name="api", daemon=True)

    @property
    def url(self) -> str:
        """Where it answers; known once it has started."""
        return f"http://{self._host}:{self._port}"

    def start(self) -> None:
        """Returns once requests are answered. Raises Misconfigured if the port is taken, Unavailable if it fails."""
        self._socket = self._bound()
        self._port = self._socket.getsockname()[1]
        self._thread.start()
        give_up = time.monotonic() + START_S
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > give_up:
                raise Unavailable("the API did not start; its traceback is in the log")
            time.sleep(LOOK_S)
        logger.info("answering", url=self.url)

    def ready(self) -> str | None:
        """None while it answers, else the reason."""
        return None if self._server.started and self._thread.is_alive() else "the API does not run"

    def stop(self) -> None:
        """Lets requests in progress end, within the grace, then closes; what still waits for the log is sent."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(3 * self._grace_s + START_S)

    def _run(self) -> None:
        assert self._socket is not None
        self._server.run(sockets=[self._socket])

    def _bound(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        # asyncio turns Nagle's algorithm off only for sockets that say TCP; with it every answer waits 40 ms
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((self._host, self._port))
        except OSError as error:
            bound.close()
            reason = error.strerror or error
            raise Misconfigured(f"the API cannot listen on {self._host}:{self._port} ({reason})") from error
        return bound

"""A server as a child of this process: alone on its folder, awaited, stopped, started again. It dies with us."""

import fcntl
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.supervisor.tether import tethered
from streams.errors import Misconfigured, Unavailable

LOG_TAIL_BYTES = 2_000


class OwnServer:
    """`one` and `name` are what people call it: `a broker`, `the broker`."""

    def __init__(self, one: str, name: str, lock_file: Path, log_file: Path) -> None:
        self._one, self._name = one, name
        self._lock_file, self._log_file = lock_file, log_file
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that was started last, running or not."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, prepared: Callable[[], Sequence[str]]) -> None:
        """Starts the command that `prepared` answers, and returns at once. Raises Misconfigured if one runs already.

        The lock is inherited by the server, and so lasts exactly as long as it lives.
        """
        with self._lock_file.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Misconfigured(f"{self._one} already runs on {self._lock_file.parent}") from None
            command = prepared()
            with self._log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    tethered(command),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(lock.fileno(),),
                )

    def wait_ready(self, answers: Callable[[], bool], address: str, timeout_s: float, pause_s: float) -> None:
        """Returns when the server answers; raises Unavailable when it died or took too long."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not self.running:
                said = f"{self._log_file} says: {self.log_tail()}"
                raise Unavailable(f"{self._name} stopped while it started; {said}")
            if answers():
                return
            time.sleep(pause_s)
        raise Unavailable(f"{self._name} {address} did not answer in time; see {self._log_file}")

    def stop(self, grace_s: float) -> None:
        """Stops by SIGTERM, or by SIGKILL after the grace time. Stopping a stopped server is no error."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends it by SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def log_tail(self) -> str:
        """The last words of its log, for messages."""
        if not self._log_file.exists():
            return "nothing"
        return self._log_file.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()

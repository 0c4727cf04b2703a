"""One Kafka broker as a child of this process: formatted once, started, awaited, stopped, started again."""

import base64
import fcntl
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from infra.broker.config import BrokerConfig
from infra.broker.java import java_command, recording_of, replaying
from infra.broker.properties import log4j_properties, server_properties
from infra.supervisor.tether import tethered
from streams.errors import Misconfigured, Unavailable
from streams.kafka.admin import broker_answers
from streams.kafka.config import KafkaConfig

FORMAT_TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 1.0
PROBE_PAUSE_S = 0.1
LOG_TAIL_BYTES = 2_000


class Broker:
    """A broker with its own data folder and ports. `jars` is the class path that `KafkaJars.ensure` answers."""

    def __init__(
        self,
        jars: Sequence[Path],
        data_dir: Path,
        port: int,
        controller_port: int,
        config: BrokerConfig | None = None,
        log_file: Path | None = None,
        java_options: Sequence[str] | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.bootstrap = f"127.0.0.1:{port}"
        self.log_file = (log_file or self.data_dir / "server.log").absolute()
        self._jars, self._port, self._controller_port = jars, port, controller_port
        self._config = config or BrokerConfig()
        self._java_options = java_options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that was started last, running or not."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def prepare(self) -> None:
        """Writes the settings, and formats the data folder unless that was done before."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        timeout_ms = self._config.min_session_timeout_ms
        settings = server_properties(self.data_dir, self._port, self._controller_port, timeout_ms)
        (self.data_dir / "server.properties").write_text(settings)
        (self.data_dir / "log4j2.properties").write_text(log4j_properties(self.log_file))
        if not (self.data_dir / "log" / "meta.properties").exists():
            self._format()

    def command(self) -> list[str]:
        """What runs the broker in the foreground; call `prepare` first."""
        options = replaying(recording_of(self._jars)) if self._java_options is None else self._java_options
        return self._java(options, "kafka.Kafka", str(self.data_dir / "server.properties"))

    def start(self) -> None:
        """Starts the broker and returns at once; it dies with this process.

        Raises Misconfigured if one runs on the folder: a second controller would write into the log of the first before
        Kafka's own lock stops it. Ours is inherited by the broker, and so lasts exactly as long as it lives.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "broker.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Misconfigured(f"a broker already runs on {self.data_dir}") from None
            self.prepare()
            with self.log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    tethered(self.command()),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(lock.fileno(),),
                )

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns when the broker answers; raises Unavailable when it died or took too long."""
        deadline = time.monotonic() + (timeout_s or self._config.ready_timeout_s)
        while time.monotonic() < deadline:
            if not self.running:
                raise Unavailable(f"the broker stopped while it started; {self.log_file} says: {self.log_tail()}")
            if broker_answers(KafkaConfig(bootstrap_servers=self.bootstrap), PROBE_TIMEOUT_S):
                return
            time.sleep(PROBE_PAUSE_S)
        raise Unavailable(f"the broker on {self.bootstrap} did not answer in time; see {self.log_file}")

    def stop(self, grace_s: float | None = None) -> None:
        """Stops in good order, or by SIGKILL after the grace time. Stopping a stopped broker is no error."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(grace_s or self._config.stop_grace_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends it by SIGKILL, as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def log_tail(self) -> str:
        """The last words of its log, for messages."""
        if not self.log_file.exists():
            return "nothing"
        return self.log_file.read_bytes()[-LOG_TAIL_BYTES:].decode("utf-8", "replace").strip()

    def _java(self, options: Sequence[str], main_class: str, *arguments: str) -> list[str]:
        own = [f"-Xmx{self._config.heap_mb}m", f"-Dlog4j2.configurationFile={self.data_dir / 'log4j2.properties'}"]
        return java_command(self._jars, [*own, *options], main_class, *arguments)

    def _format(self) -> None:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        settings = str(self.data_dir / "server.properties")
        arguments = ("format", f"--cluster-id={cluster_id}", "--config", settings)
        command = self._java((), "kafka.tools.StorageTool", *arguments)
        try:
            done = subprocess.run(tethered(command), capture_output=True, timeout=FORMAT_TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as error:
            raise Unavailable(f"formatting {self.data_dir} took more than {FORMAT_TIMEOUT_S:.0f} s") from error
        if done.returncode != 0:
            said = (done.stderr or done.stdout).decode("utf-8", "replace")[-LOG_TAIL_BYTES:]
            raise Misconfigured(f"the broker's data folder {self.data_dir} cannot be formatted: {said}")

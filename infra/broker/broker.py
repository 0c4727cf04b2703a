"""One Kafka broker as a child of this process: formatted once, started, awaited, stopped, started again."""

import base64
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

from infra.broker.config import BrokerConfig
from infra.broker.java import java_command, recording_of, replaying
from infra.broker.properties import log4j_properties, server_properties
from infra.own_server import LOG_TAIL_BYTES, OwnServer
from infra.supervisor.tether import tethered
from streams.errors import Misconfigured, Unavailable
from streams.kafka.clients import broker_answers
from streams.kafka.config import KafkaConfig

FORMAT_TIMEOUT_S = 60.0
PROBE_TIMEOUT_S = 1.0
PROBE_PAUSE_S = 0.1


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
        self._server = OwnServer("a broker", "the broker", self.data_dir / "broker.lock", self.log_file)

    @property
    def pid(self) -> int | None:
        """Of the process that was started last, running or not."""
        return self._server.pid

    @property
    def running(self) -> bool:
        return self._server.running

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
        self._server.start(self._prepared)

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns when the broker answers; raises Unavailable when it died or took too long."""
        kafka = KafkaConfig(bootstrap_servers=self.bootstrap)
        timeout_s = timeout_s or self._config.ready_timeout_s
        self._server.wait_ready(
            lambda: broker_answers(kafka, PROBE_TIMEOUT_S), f"on {self.bootstrap}", timeout_s, PROBE_PAUSE_S
        )

    def stop(self, grace_s: float | None = None) -> None:
        """Stops in good order, or by SIGKILL after the grace time. Stopping a stopped broker is no error."""
        self._server.stop(grace_s or self._config.stop_grace_s)

    def kill(self) -> None:
        """Ends it by SIGKILL, as a crash would."""
        self._server.kill()

    def log_tail(self) -> str:
        """The last words of its log, for messages."""
        return self._server.log_tail()

    def _prepared(self) -> Sequence[str]:
        self.prepare()
        return self.command()

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

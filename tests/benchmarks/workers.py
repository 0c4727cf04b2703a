"""Real worker processes on the benchmark's broker."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil

from infra.placement import PROCESSES, STAGES
from infra.supervisor.ports import free_port
from streams.kafka.config import KafkaConfig
from streams.kafka.topic_admin import TopicAdmin
from streams.topic_plan import manifest, plan

READY_S = 120.0
STOP_S = 30.0
LOOK_S = 0.02


class Worker:
    """One process of the laptop's placement, as the supervisor starts it."""

    def __init__(self, name: str, kafka: KafkaConfig, data_dir: Path, settings: Mapping[str, object]) -> None:
        self.name = name
        self.ops_port, self.api_port = free_port(), free_port()
        own = {"kafka.bootstrap_servers": kafka.bootstrap_servers, "kafka.prefix": kafka.prefix, **settings}
        words = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
        words += ["--data-dir", str(data_dir), "work", name, "--ops-port", str(self.ops_port)]
        words += ["--api-port", str(self.api_port)] if PROCESSES[name].api else []
        self._log = data_dir / f"{name}.log"
        data_dir.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "infra.cli.main", *words], stdout=log, stderr=log)

    @property
    def cpu_s(self) -> float:
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while not self._ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} did not get ready: {self._log.read_text()[-2000:]}")
            time.sleep(LOOK_S)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.ops_port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


def create_topics(kafka: KafkaConfig) -> None:
    """All topics of an installation."""
    admin = TopicAdmin(kafka)
    for step in plan(manifest(kafka.prefix, STAGES), {}):
        admin.apply(step)


@contextmanager
def running(
    names: tuple[str, ...], kafka: KafkaConfig, data_dir: Path, settings: Mapping[str, object] | None = None
) -> Iterator[dict[str, Worker]]:
    """Workers that are ready."""
    workers = {name: Worker(name, kafka, data_dir, settings or {}) for name in names}
    try:
        for worker in workers.values():
            worker.wait_ready()
        yield workers
    finally:
        for worker in workers.values():
            worker.stop()

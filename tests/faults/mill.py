"""An installation under test: a data folder, a prefix on a broker, and worker processes, each ended by its own id."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.broker.broker import Broker
from infra.cli.topics import apply_topics
from infra.supervisor.ports import free_port
from infra.supervisor.tether import tethered
from streams.kafka.config import KafkaConfig
from streams.kafka.topic_admin import TopicAdmin
from streams.topics import CURATED, EMBEDDED, LOOP, RAW, group_of
from tests.faults.failpoints import Fuse
from tests.faults.sabotage import Sabotage

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"curation": (RAW,), "embedding": (CURATED,), "indexing": (EMBEDDED,), "recording": LOOP}
LOG_TAIL = 6_000


@dataclass
class Mill:
    """Workers on one prefix. `stages` are those whose lag counts."""

    broker: Broker
    folder: Path
    prefix: str
    stages: Sequence[str] = ("curation", "embedding", "indexing")
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Settings beside the usual ones."""

    def __post_init__(self) -> None:
        self.kafka = KafkaConfig(bootstrap_servers=self.broker.bootstrap, prefix=self.prefix)
        self.data_dir = self.folder / "data"
        self.data_dir.mkdir(parents=True, exist_ok=True)
        apply_topics(self.kafka)

    def settings_file(self, **changes: Any) -> Path:
        """The hashing encoder keeps torch out, as encoders are not what is tested; short windows make several parts."""
        settings = {
            "data_dir": str(self.data_dir),
            "kafka": {
                "bootstrap_servers": self.broker.bootstrap,
                "prefix": self.prefix,
                "instance": "a",
                "session_timeout_ms": 6000,
            },
            "encoder": {"kind": "hashing", "window_pieces": 16},
            "runner": {"backoff": {"longest_s": 1.0}, "flush_timeout_s": 5.0},
            **self.changes,
            **changes,
        }
        file = self.folder / f"settings-{time.monotonic_ns()}.json"
        file.write_text(json.dumps(settings))
        return file

    def worker(
        self, *stages: str, die_at: Fuse | None = None, sabotage: Sabotage | None = None, **changes: Any
    ) -> "WorkerProcess":
        """A worker that starts now."""
        port = free_port()
        command = [sys.executable, "-m", "tests.faults.worker", *stages, "--ops-port", str(port)]
        command += ["--settings", str(self.settings_file(**changes))]
        command += ["--die-at", str(die_at)] if die_at else []
        command += ["--sabotage", sabotage] if sabotage else []
        return WorkerProcess(command, port, self.folder / f"{'+'.join(stages)}.log")

    def lag(self) -> dict[str, int]:
        """Of each stage, upstream first: what a stage has committed, the next one can see."""
        admin = TopicAdmin(self.kafka)
        return {
            stage: admin.lag(group_of(self.prefix, stage), [topic.full_name(self.prefix) for topic in SOURCES[stage]])
            for stage in self.stages
        }

    def wait_until_read(self, timeout_s: float, still_well: Callable[[], None] = lambda: None) -> None:
        """Until every stage has committed everything there is."""
        deadline = time.monotonic() + timeout_s
        while any((lag := self.lag()).values()):
            still_well()
            assert time.monotonic() < deadline, f"not read within {timeout_s:g} s: {lag}"
            time.sleep(0.1)


class WorkerProcess:
    """One life of a worker."""

    def __init__(self, command: Sequence[str], ops_port: int, log_file: Path) -> None:
        self.ops_port = ops_port
        self.log_file = log_file
        env = {name: value for name, value in os.environ.items() if not name.startswith(("MILLRACE__", "COV"))}
        with log_file.open("ab") as log:
            self._process = subprocess.Popen(
                tethered(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=env
            )

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def kill(self) -> None:
        """By SIGKILL; no error if it is dead already."""
        self._process.kill()
        self._process.wait(10)

    def stop(self, timeout_s: float = 30.0) -> int:
        """In good order; the exit code. A worker that is still starting gets time to hear the signal."""
        self.wait_for(lambda status, _: status != 0, timeout_s)
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"did not stop within {timeout_s:g} s: {self.last_words()}") from None

    def wait_killed(self, timeout_s: float) -> None:
        """Until it has killed itself at its fuse."""
        code = self._process.wait(timeout_s)
        assert code == -signal.SIGKILL, f"ended with {code} instead of dying at its fuse: {self.last_words()}"

    def well(self) -> None:
        assert self.exit_code is None, f"ended with {self.exit_code}: {self.last_words()}"

    def readiness(self) -> tuple[int, dict[str, Any]]:
        """Status and body of /readyz; status 0 while nobody answers."""
        return self.ask("GET", "/readyz")

    def replay(self, stage: str) -> bool:
        """Whether the worker took the order to read its topics from the beginning."""
        return self.ask("POST", "/replay", json.dumps({"stage": stage}).encode())[0] == 202

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.ops_port, timeout=2)
        try:
            connection.request(method, path, body)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}
        finally:
            connection.close()

    def wait_for(self, condition: Callable[[int, dict[str, Any]], bool], timeout_s: float) -> dict[str, Any]:
        """Until /readyz is as wanted; its body."""
        deadline = time.monotonic() + timeout_s
        while not condition(*(answer := self.readiness())):
            self.well()
            assert time.monotonic() < deadline, f"/readyz stayed {answer}; {self.where_it_is()}"
            time.sleep(0.1)
        return answer[1]

    def where_it_is(self) -> str:
        """The stacks of a worker that hangs, behind the last lines of its log."""
        self._process.send_signal(signal.SIGUSR1)
        time.sleep(0.5)
        return self.last_words()

    def last_words(self) -> str:
        return self.log_file.read_bytes()[-LOG_TAIL:].decode("utf-8", "replace")

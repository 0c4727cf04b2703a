"""One Label Studio server on a data folder: prepared, started, awaited, stopped, started again."""

import json
import secrets
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.environment import DATABASE, environment, sourced, write_environment, write_private
from infra.label_studio.packages import LabelStudioPackages, OnStep, nothing
from infra.own_server import OwnServer
from infra.supervisor.child import ProcessSpec
from infra.supervisor.ports import LOOPBACK
from infra.supervisor.status import HEALTH_PATH, http_probe
from streams.errors import Misconfigured

NAME = "label-studio"
PROBE_PAUSE_S = 0.2
EMAIL = "admin@millrace.localhost"


@dataclass(frozen=True, slots=True)
class Access:
    """How people and programs get in. Made once per data folder, kept in a file for its owner alone."""

    token: str
    password: str
    email: str = EMAIL

    @classmethod
    def kept_in(cls, file: Path) -> "Access":
        if not file.exists():
            made = {"email": EMAIL, "password": secrets.token_urlsafe(12), "token": secrets.token_hex(20)}
            write_private(file, json.dumps(made, indent=2))
        try:
            return cls(**json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise Misconfigured(f"{file} is damaged: restore it, or remove the folder to begin anew") from error


class LabelStudioServer:
    """A server with its own data folder, on the loopback."""

    def __init__(
        self,
        data_dir: Path,
        port: int,
        config: EmbeddedLabelStudioConfig | None = None,
        log_file: Path | None = None,
        packages: LabelStudioPackages | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.port = port
        self.url = f"http://{LOOPBACK}:{port}"
        self.access_file = self.data_dir / "access.json"
        self.log_file = (log_file or self.data_dir / "server.log").absolute()
        self._config = config or EmbeddedLabelStudioConfig()
        self._packages = packages or LabelStudioPackages.locked()
        self._server = OwnServer("a Label Studio", "Label Studio", self.data_dir / "server.lock", self.log_file)

    @property
    def access(self) -> Access:
        """Known before the server ever ran."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Access.kept_in(self.access_file)

    @property
    def token(self) -> str:
        """Of the administrator."""
        return self.access.token

    @property
    def running(self) -> bool:
        return self._server.running

    @property
    def pid(self) -> int | None:
        """Of the process that was started last, running or not."""
        return self._server.pid

    def prepare(self, on_step: OnStep = nothing) -> None:
        """Installs the packages unless they are there, and gives a new data folder its empty database."""
        self._packages.ensure(self._config.cache_dir, self._config.install_timeout_s, on_step)
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        access = self.access
        if not (self.data_dir / DATABASE).exists():
            self._lay_database(self.data_dir / DATABASE)
        settings = environment(self.data_dir, access.token, access.password, access.email)
        write_environment(self.data_dir / "environment", settings)

    def command(self) -> list[str]:
        """What runs the server in the foreground; call `prepare` first."""
        start = ("start", "--no-browser", "--internal-host", LOOPBACK, "--port", str(self.port))
        program = self._packages.program(self._config.cache_dir)
        return sourced(self.data_dir / "environment", [*program, *start])

    def process_spec(self, name: str = NAME) -> ProcessSpec:
        """For the supervisor; call `prepare` first."""
        ports = {"http": self.port}
        command = tuple(self.command())
        return ProcessSpec(
            name, command, self.log_file, http_probe(self.port, HEALTH_PATH), ports, self._config.stop_grace_s
        )

    def start(self) -> None:
        """Starts it and returns at once; it dies with this process. Raises Misconfigured if one runs already."""
        self.prepare()
        self._server.start(self.command)

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Returns when the server answers; raises Unavailable when it died or took too long."""
        probe = http_probe(self.port, HEALTH_PATH)
        timeout_s = timeout_s or self._config.ready_timeout_s
        self._server.wait_ready(lambda: probe().ready, f"at {self.url}", timeout_s, PROBE_PAUSE_S)

    def stop(self, grace_s: float | None = None) -> None:
        """Stops by SIGTERM, or by SIGKILL after the grace time. Stopping a stopped server is no error."""
        self._server.stop(grace_s or self._config.stop_grace_s)

    def kill(self) -> None:
        """Ends it by SIGKILL, as a crash would."""
        self._server.kill()

    def _lay_database(self, place: Path) -> None:
        """A copy of the empty one, with a write-ahead log: several annotators then get twice as much done."""
        draft = place.with_suffix(".draft")
        shutil.copyfile(self._packages.empty_database(self._config.cache_dir), draft)
        draft.chmod(0o600)
        with closing(sqlite3.connect(draft)) as database:
            database.execute("PRAGMA journal_mode=WAL")  # the file remembers it
        draft.replace(place)

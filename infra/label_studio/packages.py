"""Label Studio's packages: the locked list, installed once on a machine, with an empty database made once.

They live apart from ours, as the two could not agree on versions, in a folder named by the lock and the interpreter.
Making the database means several hundred migrations, about a minute; a copy of it makes the first start of every data
folder as quick as any other.
"""

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from infra.label_studio.environment import environment, sourced, write_environment
from infra.supervisor.tether import tethered
from streams.errors import Misconfigured

LOCK_FILE = Path(__file__).parents[1] / "locks" / "label-studio.txt"
LOG_TAIL = 1_500
TRIAL_TIMEOUT_S = 60.0
DOWNLOAD_MB = 260
"""What an installation downloads, about."""

OnStep = Callable[[str], None]
"""Told what begins now, for people."""


def nothing(_step: str) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class LabelStudioPackages:
    """The packages of one lock for one interpreter, so that two versions never mix."""

    lock_file: Path
    digest: str

    @classmethod
    def locked(cls, lock_file: Path = LOCK_FILE) -> "LabelStudioPackages":
        interpreter = f"{sys.implementation.cache_tag} {sys.platform} {sys.base_prefix}"
        together = lock_file.read_bytes() + interpreter.encode()
        return cls(lock_file, hashlib.sha256(together).hexdigest()[:12])

    def folder(self, cache_dir: Path) -> Path:
        return cache_dir.expanduser().absolute() / f"label-studio-{self.digest}"

    def program(self, cache_dir: Path) -> tuple[str, ...]:
        """Runs Label Studio, deaf to what the environment says about Python."""
        bin_dir = self.folder(cache_dir) / "venv" / "bin"
        return str(bin_dir / "python"), "-E", "-P", str(bin_dir / "label-studio")

    def empty_database(self, cache_dir: Path) -> Path:
        return self.folder(cache_dir) / "empty.sqlite3"

    def installed(self, cache_dir: Path) -> bool:
        """Whether both are complete; the database is made last, and moved into place when it is whole."""
        return self.empty_database(cache_dir).is_file()

    def ensure(self, cache_dir: Path, timeout_s: float, on_step: OnStep = nothing) -> None:
        """Installs what is missing. Safe to call from several processes at once: one works, the others wait."""
        if self.installed(cache_dir):
            return
        with _alone_in(self.folder(cache_dir)) as folder:
            if self.installed(cache_dir):
                return
            if not (folder / "venv" / "complete").is_file():
                on_step(f"installs Label Studio, once on this machine: about {DOWNLOAD_MB} MB to download")
                self._install(folder, timeout_s)
            on_step("makes Label Studio's empty database, once on this machine: about a minute")
            self._make_database(folder, cache_dir, timeout_s)

    def try_download(self) -> None:
        """Asks for one small package. Raises Misconfigured where that fails."""
        with tempfile.TemporaryDirectory() as folder:
            first = Path(folder) / "first.txt"
            first.write_text(first_requirement(self.lock_file.read_text()))
            place = ["--target", str(Path(folder) / "target"), "--python", sys.executable, "--no-cache"]
            _uv(["pip", "install", *place, "--no-deps", "--require-hashes", "-r", str(first)], TRIAL_TIMEOUT_S)

    def _install(self, folder: Path, timeout_s: float) -> None:
        venv, lock = folder / "venv", str(self.lock_file)
        _uv(["venv", "--clear", "--python", sys.executable, str(venv)], timeout_s)
        # Some packages have sources only; what builds them is locked in the same file.
        locked = ["--no-deps", "--require-hashes", "--build-constraints", lock, "-r", lock]
        _uv(["pip", "install", "--python", str(venv / "bin" / "python"), *locked], timeout_s)
        (venv / "complete").touch()

    def _make_database(self, folder: Path, cache_dir: Path, timeout_s: float) -> None:
        with tempfile.TemporaryDirectory(prefix="database-", dir=folder) as draft:
            file = Path(draft) / "environment"
            write_environment(file, environment(Path(draft)))
            command = sourced(file, [*self.program(cache_dir), "version"])  # migrates, says its version and ends
            _run(command, "making Label Studio's empty database", timeout_s)
            (Path(draft) / "label_studio.sqlite3").replace(self.empty_database(cache_dir))


def first_requirement(lock: str) -> str:
    """The first package of a lock, with its digests."""
    found = re.search(r"^\S+==\S+.*?(?=^\S+==|\Z)", lock, re.MULTILINE | re.DOTALL)
    if found is None:
        raise Misconfigured("the lock of Label Studio's packages is empty")
    return found.group()


@contextmanager
def _alone_in(folder: Path) -> Iterator[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise Misconfigured(
            f"cannot install Label Studio in {folder} ({error}): set embedded_label_studio.cache_dir"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _uv(arguments: Sequence[str], timeout_s: float) -> None:
    advice = (
        "let this machine reach a package index, or set label_studio.url and label_studio.token of a running server"
    )
    _run([*_uv_program(), *arguments], "installing Label Studio", timeout_s, advice)


def _uv_program() -> list[str]:
    if find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    if found is None:
        raise Misconfigured("installing Label Studio needs uv: install the package uv, or set label_studio.url")
    return [found]


def _run(command: Sequence[str], what: str, timeout_s: float, advice: str = "") -> None:
    advice = f"; {advice}" if advice else ""
    try:
        done = subprocess.run(tethered(command), capture_output=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise Misconfigured(f"{what} took more than {timeout_s:.0f} s{advice}") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-LOG_TAIL:]
        raise Misconfigured(f"{what} failed: {said}{advice}")

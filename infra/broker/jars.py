"""Kafka's jars: the locked list, downloaded once, verified on every start.

No dependency is resolved here: each jar is fetched by its exact coordinate and must have the locked digest.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.broker.java import RECORDINGS
from streams.errors import Misconfigured

LOCK_FILE = Path(__file__).parents[1] / "locks" / "kafka-jars.lock"
DOWNLOADS_AT_ONCE = 6

OnProgress = Callable[[int, int], None]
"""Told the bytes that are there and the bytes that are needed."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One line of the lock."""

    sha256: str
    length: int
    coordinate: str

    @property
    def file_name(self) -> str:
        _, artifact, version = self.coordinate.split(":")
        return f"{artifact}-{version}.jar"

    def lies_at(self, path: Path) -> bool:
        """Whether exactly these bytes are there."""
        if not path.is_file() or path.stat().st_size != self.length:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == self.sha256


def parse_lock(text: str) -> tuple[Jar, ...]:
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return tuple(Jar(sha256, int(length), coordinate) for sha256, length, coordinate in lines)


def nothing(_there: int, _needed: int) -> None:
    """Progress that nobody watches."""


@dataclass(frozen=True, slots=True)
class KafkaJars:
    """The jars of one lock, in a folder named by the lock's digest, so that two versions never mix."""

    jars: tuple[Jar, ...]
    digest: str

    @classmethod
    def locked(cls, lock_file: Path = LOCK_FILE) -> "KafkaJars":
        text = lock_file.read_text()
        return cls(parse_lock(text), hashlib.sha256(text.encode()).hexdigest()[:12])

    def folder(self, cache_dir: Path) -> Path:
        return cache_dir / f"kafka-{self.digest}"

    def missing(self, cache_dir: Path) -> tuple[Jar, ...]:
        """The jars that are absent or damaged."""
        folder = self.folder(cache_dir)
        return tuple(jar for jar in self.jars if not jar.lies_at(folder / jar.file_name))

    def ensure(
        self, cache_dir: Path, on_progress: OnProgress = nothing, repository: str | None = None
    ) -> tuple[Path, ...]:
        """The class path; downloads what is missing. Safe to call from several processes at once."""
        missing = self.missing(cache_dir)
        if missing:
            self._download(missing, cache_dir, on_progress, repository)
            for recording in self.folder(cache_dir).glob(RECORDINGS):
                recording.unlink(missing_ok=True)  # it was made with other files
        return tuple(self.folder(cache_dir) / jar.file_name for jar in self.jars)

    def try_download(self, missing: tuple[Jar, ...], repository: str | None = None) -> None:
        """Gets the smallest of the missing ones and throws it away. Raises Misconfigured where that fails."""
        with tempfile.TemporaryDirectory() as folder:
            _fetch(min(missing, key=lambda jar: jar.length), Path(folder), repository)

    def _download(
        self, missing: tuple[Jar, ...], cache_dir: Path, on_progress: OnProgress, repository: str | None
    ) -> None:
        needed = sum(jar.length for jar in self.jars)
        there = needed - sum(jar.length for jar in missing)
        with _folder_for_downloads(self.folder(cache_dir)) as staging, ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
            tasks = {pool.submit(_fetch, jar, staging, repository): jar for jar in missing}
            try:
                for done in as_completed(tasks):
                    jar = tasks[done]
                    done.result().replace(self.folder(cache_dir) / jar.file_name)
                    there += jar.length
                    on_progress(there, needed)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@contextmanager
def _folder_for_downloads(folder: Path) -> Iterator[Path]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix="download-", dir=folder))
    except OSError as error:
        raise Misconfigured(f"cannot write Kafka's jars to {folder} ({error}): set broker.jars_dir") from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _fetch(jar: Jar, staging: Path, repository: str | None) -> Path:
    """Downloads one jar, or takes it from the user's own Maven folder, and verifies it."""
    import requests  # both are needed on the first start only
    from jgo.constants import default_maven_repo
    from jgo.maven import MavenContext

    remote = None if repository is None else {"configured": repository.rstrip("/")}
    context = MavenContext(repo_cache=staging, local_repos=[default_maven_repo()], remote_repos=remote, timeout=30)
    try:
        found = context.create_dependency(jar.coordinate).artifact.resolve()
        staged = Path(shutil.copyfile(found, staging / jar.file_name))
    except requests.RequestException as error:  # before OSError, which it is too
        raise Misconfigured(_advice(jar, f"the repository cannot be reached ({type(error).__name__})")) from error
    except RuntimeError as error:
        raise Misconfigured(_advice(jar, "the repository does not have it")) from error
    except OSError as error:
        raise Misconfigured(_advice(jar, str(error))) from error
    if not jar.lies_at(staged):
        raise Misconfigured(_advice(jar, "the downloaded file does not have the locked digest"))
    return staged


def _advice(jar: Jar, what: str) -> str:
    return (
        f"cannot get {jar.coordinate} for the embedded Kafka: {what}. Connect this machine to the network for "
        "the first start, name a mirror in broker.repository, copy broker.jars_dir from a machine that has it, or "
        "point kafka.bootstrap_servers to a running cluster"
    )

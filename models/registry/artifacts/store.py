"""The files of models and snapshots, in a folder or a cloud store under their digests.

What is put is read back before anybody may refer to it, and on a disk of ours it is flushed to the platter. What is
fetched is counted and hashed on its way into a hidden place, and gets its name only if it is what was registered: no
library ever opens a byte that the registry does not vouch for.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Self

from models.registry.artifacts.shape import FOREIGN, require_plain_name, require_sound
from schemas.training import Artifact
from streams.errors import BadRecord, Misconfigured, Unavailable
from streams.media.backend import answering, open_backend, require_disk, require_presence
from streams.media.config import MediaConfig
from streams.media.store import uri_of

MISSING = "artifact_missing"
CORRUPT = "artifact_corrupt"

_CHUNK_BYTES = 4 * 2**20
_ARRIVING = ".arriving-"
_LEFT_BEHIND_S = 3600


class ArtifactStore:
    """Files and bytes by SHA-256. May be shared by threads and processes."""

    def __init__(self, config: MediaConfig) -> None:
        self._backend = open_backend(config)
        self._url = config.url

    @classmethod
    def open(cls, place: str | Path | MediaConfig) -> Self:
        """The store at a folder, an address, or a configuration that also has credentials. Raises Misconfigured."""
        try:
            return cls(place if isinstance(place, MediaConfig) else MediaConfig(url=str(place)))
        except Misconfigured as error:
            raise Misconfigured(str(error).replace("media.url", "registry.url", 1)) from error

    def check(self) -> None:
        """Asks the store for a sign of life. Raises Unavailable, also where the bucket or the folder is missing."""
        with _answering(self._url):
            require_presence(self._backend, self._url)

    def put_file(self, path: Path, name: str = "") -> Artifact:
        """Stores a file under its digest, by its own name or another; the same bytes again cost a look.

        Raises BadRecord if it is no sound safetensors or JSON file, Unavailable if it is not stored whole.
        """
        name = name or path.name
        with _using(path):
            require_sound(path, name)
            with path.open("rb") as file:
                digest, length = file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
        self._keep(path, digest, length)
        return Artifact(path=name, sha256=digest, length=length)

    def put_bytes(self, content: bytes) -> str:
        """Stores bytes, such as a snapshot's manifest; their digest."""
        digest = sha256(content).hexdigest()
        self._keep(content, digest, len(content))
        return digest

    def get_bytes(self, digest: str) -> bytes:
        """The bytes of a digest. Raises BadRecord if there are none, or others."""
        content = b"".join(self._chunks(digest, digest))
        if sha256(content).hexdigest() != digest:
            raise BadRecord(CORRUPT, f"{digest} holds other bytes than its digest says")
        return content

    def fetch(self, artifacts: Sequence[Artifact], folder: Path) -> dict[str, Path]:
        """The files by name, in a folder that keeps those it has. All are checked before any gets its name.

        Raises BadRecord naming the file that is missing, corrupt or foreign, Unavailable if one cannot be had or kept.
        """
        if len({artifact.path for artifact in artifacts}) < len(artifacts):
            raise BadRecord(FOREIGN, "two files of one model have the same name")
        for artifact in artifacts:
            require_plain_name(artifact.path)
        with _using(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _sweep(folder)
            missing = [artifact for artifact in artifacts if not _is(folder / artifact.path, artifact)]
            with tempfile.TemporaryDirectory(prefix=_ARRIVING, dir=folder) as arriving:
                for artifact in missing:
                    self._bring(artifact, Path(arriving) / artifact.path)
                for artifact in missing:
                    (Path(arriving) / artifact.path).replace(folder / artifact.path)
        return {artifact.path: folder / artifact.path for artifact in artifacts}

    def _keep(self, content: Path | bytes, digest: str, length: int) -> None:
        if self._holds(digest, length):
            return
        with _answering(self._url):
            require_disk(self._backend, self._url)
            try:
                with answering(self._url):
                    self._backend.put(uri_of(digest), content)
            except FileNotFoundError as error:
                raise Unavailable(f"the media store {self._url} is not there; create its bucket or folder") from error
        if not self._holds(digest, length):
            raise Unavailable(f"the artifact store {self._url} holds other bytes than it was given; is its disk sound?")
        self._flush(uri_of(digest))

    def _holds(self, digest: str, length: int) -> bool:
        """Whether these bytes are there, all of them read."""
        found, count = sha256(), 0
        try:
            for chunk in self._chunks(digest, digest):
                found.update(chunk)
                count += len(chunk)
        except BadRecord:
            return False
        return (found.hexdigest(), count) == (digest, length)

    def _bring(self, artifact: Artifact, place: Path) -> None:
        """Writes a file where nobody looks, and checks it there."""
        found, count = sha256(), 0
        with place.open("wb") as file:
            for chunk in self._chunks(artifact.sha256, artifact.path, artifact.length):
                found.update(chunk)
                count += len(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        if (found.hexdigest(), count) != (artifact.sha256, artifact.length):
            raise BadRecord(CORRUPT, f"{artifact.path} is not the file that was registered: its SHA-256 differs")
        require_sound(place, artifact.path)

    def _chunks(self, digest: str, name: str, length: int | None = None) -> Iterator[bytes]:
        try:
            with _answering(self._url):
                found = self._backend.get(uri_of(digest))
                size = int(found.meta["size"])
                if length is not None and size != length:
                    raise BadRecord(CORRUPT, f"{name} has {size} bytes, {length} were registered")
                for chunk in found.stream(min_chunk_size=_CHUNK_BYTES):
                    yield bytes(chunk)
        except FileNotFoundError:
            self.check()
            raise BadRecord(MISSING, f"{name} is not in the artifact store") from None

    def _flush(self, uri: str) -> None:
        """On a disk of ours, what is stored survives the loss of power from here on."""
        root = getattr(self._backend, "prefix", None)
        if not isinstance(root, Path):
            return
        with _using(root):
            for place in (root / uri, (root / uri).parent, (root / uri).parent.parent):
                handle = os.open(place, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)


def _is(path: Path, artifact: Artifact) -> bool:
    """Whether a file is there and is this one."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != artifact.length:
        return False
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest() == artifact.sha256


def _sweep(folder: Path) -> None:
    """Removes what processes left behind that were killed while they fetched."""
    for left in folder.glob(f"{_ARRIVING}*"):
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND_S:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _using(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{place} cannot be used: {error.strerror or error}") from error


@contextmanager
def _answering(url: str) -> Iterator[None]:
    try:
        with answering(url):
            yield
    except Unavailable as error:
        raise Unavailable(str(error).replace("the media store", "the artifact store", 1)) from error

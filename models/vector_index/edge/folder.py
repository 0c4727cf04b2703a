"""The folder of an index in process: made whole or not at all, with room on its disk, its engine's errors made ours."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import qdrant_edge as engine

from models.vector_index.points import KEYWORD_FIELDS, WORDS
from streams.errors import Misconfigured

MB = 1024 * 1024


def free_bytes(folder: Path) -> int:
    """Bytes on the folder's disk that a process may still write."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


CONFIG_FILE = "edge_config.json"


def create(folder: Path) -> None:
    """Make an empty shard beside the folder and rename it, so that a crash leaves none that is half made."""
    words = {WORDS: engine.EdgeSparseVectorParams(modifier=engine.Modifier.Idf)}

    def make(begun: Path) -> None:
        with EngineErrors(lambda error: unopened(folder, error)):
            shard = engine.EdgeShard.create(str(begun), engine.EdgeConfig(vectors={}, sparse_vectors=words))
            shard.update(engine.UpdateOperation.create_field_index("rank", engine.PayloadSchemaType.Integer))
            for field in KEYWORD_FIELDS:
                shard.update(engine.UpdateOperation.create_field_index(field, engine.PayloadSchemaType.Keyword))
            shard.close()

    _whole(folder, make)


def copy_blank(blank: Path, folder: Path) -> None:
    """Makes an empty shard as a copy of one that is kept for that, and made at the first use.

    The engine stops the whole process while it makes a shard and its indexes, a second on a slow disk; copying files
    stops nobody.
    """
    if not (blank / CONFIG_FILE).exists():
        create(blank)

    def make(begun: Path) -> None:
        shutil.copytree(blank, begun)
        for file in begun.rglob("*"):
            if file.is_file():
                with file.open("rb") as written:
                    os.fsync(written.fileno())

    _whole(folder, make)


def _whole(folder: Path, make: Callable[[Path], None]) -> None:
    begun = folder.with_name(f"{folder.name}.begun")
    try:
        shutil.rmtree(begun, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        make(begun)
        begun.rename(folder)
    except OSError as error:
        raise unopened(folder, error) from error


def unopened(folder: Path, error: BaseException) -> Misconfigured:
    if "WouldBlock" in str(error):
        return Misconfigured(f"the vector index in {folder} is open in another process; only one may own it")
    return Misconfigured(
        f"the vector index in {folder} cannot be opened: {error}. If its files are damaged, remove the folder and "
        "run `millrace replay indexing --from beginning`: the index is rebuilt from the log"
    )


def spaces_in(folder: Path) -> dict[str, int]:
    """Dimension of each vector space, as the engine itself records it."""
    vectors = json.loads((folder / CONFIG_FILE).read_text()).get("vectors") or {}
    return {name: params["size"] for name, params in vectors.items()}


class EngineErrors:
    """Turns what the engine raises into our own: it knows only bare Exception and the panics of its own language."""

    def __init__(self, translate: Callable[[BaseException], Exception]) -> None:
        self._translate = translate

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None and kind is not None and (kind is Exception or kind.__name__ == "PanicException"):
            raise self._translate(error) from error

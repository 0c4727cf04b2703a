"""The spaces of all model versions in process: a folder each, `<folder>/<space>`, with the version's name beside it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from models.vector_index.config import VectorIndexConfig
from models.vector_index.edge.folder import CONFIG_FILE, free_bytes, spaces_in
from models.vector_index.edge.index import EdgeVectorIndex
from models.vector_index.points import space_of
from models.vector_index.port import VectorIndex
from streams.errors import Misconfigured, Unavailable

VERSION_SUFFIX = ".version"
BLANK = ".blank"
"""An empty space, from which new ones are copied."""
GONE_SUFFIX = ".gone"
"""A folder that is being removed: renamed at once, so that a crash leaves no space that is half there."""


class EdgeGround:
    """Owned by one process."""

    def __init__(
        self, folder: Path, config: VectorIndexConfig | None = None, free: Callable[[Path], int] = free_bytes
    ) -> None:
        """Takes over an index of one space, as it lay in the folder itself before. Raises Misconfigured."""
        self._folder = folder
        self._config = config or VectorIndexConfig()
        self._free = free
        try:
            _adopt(folder)
            for gone in folder.glob(f"*{GONE_SUFFIX}"):
                shutil.rmtree(gone)
        except OSError as error:
            raise _unusable(folder, error) from error

    def found(self) -> tuple[str, ...]:
        files = sorted(self._folder.glob(f"*{VERSION_SUFFIX}"))
        return tuple(version for version in (file.read_text() for file in files) if self.holds(version))

    def holds(self, model_version: str) -> bool:
        return (self._folder / space_of(model_version) / CONFIG_FILE).exists()

    def open(self, model_version: str) -> VectorIndex:
        try:
            _note(self._folder, model_version)
        except OSError as error:
            raise _unwritten(self._folder, error) from error
        space = self._folder / space_of(model_version)
        return EdgeVectorIndex.open(space, self._config, self._free, blank=self._folder / BLANK)

    def remove(self, model_version: str) -> None:
        space = self._folder / space_of(model_version)
        gone = space.with_name(f"{space.name}{GONE_SUFFIX}")
        try:
            shutil.rmtree(gone, ignore_errors=True)
            space.rename(gone)
            shutil.rmtree(gone)
            space.with_name(f"{space.name}{VERSION_SUFFIX}").unlink(missing_ok=True)
        except OSError as error:
            raise _unwritten(self._folder, error) from error

    def close(self) -> None:
        """Nothing of its own to let go."""


def _note(folder: Path, model_version: str) -> None:
    """Keeps the version's name, whole or not at all, before there is a space: its own name may be shortened."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{space_of(model_version)}{VERSION_SUFFIX}"
    if file.is_file() and file.read_text() == model_version:
        return
    draft = file.with_suffix(".draft")
    draft.write_text(model_version)
    draft.rename(file)


def _adopt(folder: Path) -> None:
    """Moves an index that lies in the folder itself to where its one space belongs."""
    moving = folder.with_name(f"{folder.name}.moving")
    if (folder / CONFIG_FILE).exists():
        if next(folder.glob(f"*{VERSION_SUFFIX}"), None) is not None:
            raise Misconfigured(
                f"in {folder} lies an index of an earlier release beside spaces of this one: remove its files "
                f"({CONFIG_FILE}, segments and wal), and leave the folders v-… as they are"
            )
        _owner(folder)
        folder.rename(moving)
    if moving.exists():  # perhaps since a crash
        model_version = _owner(moving)
        if model_version is None:  # nothing was ever found in it
            shutil.rmtree(moving)
            return
        _note(folder, model_version)
        moving.rename(folder / space_of(model_version))


def _owner(folder: Path) -> str | None:
    """The model version of all content of an index; None where there is no content. Raises Misconfigured."""
    names = list(spaces_in(folder))
    if not names:
        return None
    model_version = names[0].removeprefix("v-")
    if len(names) == 1 and space_of(model_version) == names[0]:
        return model_version
    raise Misconfigured(
        f"the vector index in {folder} is of an earlier release, and what it holds ({', '.join(names)}) cannot be told "
        "apart any more: remove the folder and run `millrace replay indexing --from beginning`, which rebuilds it from "
        "the log"
    )


def _unwritten(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(f"the folder {folder} cannot be written: {error}")


def _unusable(folder: Path, error: OSError) -> Misconfigured:
    return Misconfigured(f"the folder {folder} cannot hold vector indexes: {error}")

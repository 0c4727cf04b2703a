"""The file that a run trains on: pixels, texts and examples as numbers, and a page that says what they are.

Nothing is opened before its digest was checked: ranks read the folder long after it was written.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors.numpy import load_file, save_file

from streams.errors import BadRecord

ARRAYS = "dataset.safetensors"
FACTS = "dataset.json"
PARENT = "parent"
"""Folder of the parent's files, inside the data set's."""

Column = NDArray[Any]


class DatasetFacts(BaseModel):
    """What the numbers are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = 1
    snapshot_sha256: str
    parent_version: str
    text_digest: str
    """Of the text tower without an adapter."""
    dim: int
    side_px: int
    trained: bool
    """Whether the parent's picture tower was trained."""
    classes: tuple[tuple[str, str, str], ...]
    """Tenant, task and label by class id."""
    left_out: tuple[str, ...] = ()
    """Pictures that could not be read, each with the reason."""
    files: dict[str, str]
    """SHA-256 by path."""


@dataclass(frozen=True)
class Dataset:
    """A data set in memory. Columns of one kind of examples share a prefix: `pairs.text`, `pairs.weight`."""

    folder: Path
    facts: DatasetFacts
    columns: Mapping[str, Column]
    sha256: str
    """Of the page of facts, and so of all files."""

    def size(self, kind: str) -> int:
        """Examples of a kind: `pairs`, `classed`, `triples` or `kept`."""
        column = self.columns.get(f"{kind}.weight")
        return 0 if column is None else len(column)

    def column(self, name: str, places: NDArray[np.int64]) -> Column:
        """Of these examples."""
        return np.asarray(self.columns[name][places])

    @cached_property
    def fresh(self) -> Mapping[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Places of new and of replayed examples, by kind."""
        marks = {kind: self.columns[f"{kind}.replay"] for kind in ("pairs", "classed") if self.size(kind)}
        return {kind: (np.flatnonzero(mark == 0), np.flatnonzero(mark)) for kind, mark in marks.items()}

    @cached_property
    def members(self) -> "Members":
        """Texts by class."""
        return Members.of(self.columns["classed.class"])


@dataclass(frozen=True)
class Members:
    """Which examples have a class."""

    ordered: NDArray[np.int64]
    """Places by class."""
    first: NDArray[np.int64]
    """By place of an example: where its class begins in `ordered`."""
    count: NDArray[np.int64]
    """By place: how many its class has."""
    own: NDArray[np.int64]
    """By place: where it stands within its class."""

    @classmethod
    def of(cls, classes: Column) -> Self:
        ordered = np.argsort(classes, kind="stable")
        _, inverse, counts = np.unique(classes, return_inverse=True, return_counts=True)
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        own = np.empty(len(classes), dtype=np.int64)
        own[ordered] = np.arange(len(classes)) - np.repeat(starts, counts)
        return cls(ordered, starts[inverse], counts[inverse], own)


def write_dataset(folder: Path, columns: Mapping[str, Column], facts: DatasetFacts) -> None:
    """Writes numbers first, then the page that vouches for them and for the parent's files, which must be there."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: np.ascontiguousarray(column) for name, column in columns.items()}, folder / ARRAYS)
    _force(folder / ARRAYS)
    paths = [ARRAYS, *sorted(f"{PARENT}/{path.name}" for path in (folder / PARENT).iterdir())]
    whole = facts.model_copy(update={"files": {path: _sha256(folder / path) for path in paths}})
    text = json.dumps(whole.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    draft = folder / f"{FACTS}.draft"
    draft.write_text(text, "utf-8")
    _force(draft)
    draft.rename(folder / FACTS)


def open_dataset(folder: Path) -> Dataset:
    """What `materialise` wrote. Raises BadRecord, which names the file, where anything is not as it was written."""
    try:
        content = (folder / FACTS).read_bytes()
        facts = DatasetFacts.model_validate_json(content)
    except (OSError, ValidationError) as error:
        raise BadRecord("dataset_unreadable", f"{FACTS}: {error}") from error
    for path, digest in facts.files.items():
        if not (folder / path).is_file() or _sha256(folder / path) != digest:
            raise BadRecord("dataset_unreadable", f"{path} is not the file that was written")
    return Dataset(folder, facts, load_file(folder / ARRAYS), sha256(content).hexdigest())


def _force(path: Path) -> None:
    """To the disk: the page must not vouch for numbers that a power cut took."""
    with path.open("rb+") as content:
        os.fsync(content.fileno())


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()

"""Checkpoints that exist whole or not at all: safetensors files and a manifest with the digest of each.

A checkpoint is a folder `step-…`. It is written under another name, forced to the disk, and then renamed. There is no
`latest` that could point elsewhere: the newest folder that proves good is the one to go on from. Nothing is opened
before its digest was checked, and whatever is refused is named.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from streams.errors import Unavailable

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST = "manifest.json"
FORMAT = 1
DRAFT = ".draft-"
STEP = re.compile(r"step-(\d{10})")
FILE = re.compile(r"\w+\.safetensors")
BLOCK_BYTES = 2**20

Refuse = Callable[[str, str], None]
"""Told the name of what is not used, and why."""


class Damaged(Exception):
    """Why a checkpoint is not used."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that proved good."""

    folder: Path
    step: int
    facts: Mapping[str, JsonValue]
    parts: tuple[str, ...]

    def tensors(self, part: str) -> "dict[str, Tensor]":
        from safetensors.torch import load_file

        return load_file(self.folder / f"{part}.safetensors")


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """Those of one run. `run` is the digest of what is trained: checkpoints of anything else are refused."""

    folder: Path
    run: str
    keep: int = 2

    def save(
        self, step: int, parts: "Mapping[str, Mapping[str, Tensor]]", facts: Mapping[str, JsonValue] | None = None
    ) -> Path:
        """Unavailable if the disk does not take it; then nothing of it can be seen."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft, whole = self.folder / f"{DRAFT}{step}", self.folder / f"step-{step:010d}"
        try:
            self._write(draft, step, parts, facts or {})
            shutil.rmtree(whole, ignore_errors=True)  # only what was refused can be there
            draft.rename(whole)
            _force(self.folder)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            raise Unavailable(
                f"the checkpoint of step {step} could not be written to {self.folder}: {error.strerror}"
            ) from error
        self._prune(step)
        return whole

    def newest_good(self, refuse: Refuse) -> Saved | None:
        """The one to go on from; None if there is nothing good to go on from."""
        if not self.folder.is_dir():
            return None
        found: dict[int, Path] = {}
        for path in sorted(self.folder.iterdir()):
            if match := STEP.fullmatch(path.name):
                found[int(match[1])] = path
            elif not path.name.startswith(DRAFT):
                refuse(path.name, "is not a checkpoint of ours")
        for step in sorted(found, reverse=True):
            try:
                return proven(found[step], step, self.run, refuse)
            except Damaged as why:
                refuse(found[step].name, str(why))
        return None

    def sweep(self) -> None:
        """Removes what killed writers have left."""
        for draft in self.folder.glob(f"{DRAFT}*"):
            shutil.rmtree(draft, ignore_errors=True)

    def _write(
        self, draft: Path, step: int, parts: "Mapping[str, Mapping[str, Tensor]]", facts: Mapping[str, JsonValue]
    ) -> None:
        from safetensors.torch import save

        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        files: dict[str, dict[str, int | str]] = {}
        for part, tensors in parts.items():
            content = save(dict(tensors))
            _write_through(draft / f"{part}.safetensors", content)
            files[f"{part}.safetensors"] = {"length": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        body = {"format": FORMAT, "run": self.run, "step": step, "files": files, "facts": dict(facts)}
        _write_through(draft / MANIFEST, json.dumps({"body": body, "sha256": _digest(body)}, indent=1).encode())
        _force(draft)

    def _prune(self, step: int) -> None:
        """Removes all but the newest up to this step; what lies beyond it was refused and will be written anew."""
        steps = {int(match[1]): path for path in self.folder.iterdir() if (match := STEP.fullmatch(path.name))}
        for old in sorted(number for number in steps if number <= step)[: -self.keep]:
            shutil.rmtree(steps[old], ignore_errors=True)


def proven(folder: Path, step: int, run: str, refuse: Refuse) -> Saved:
    """The checkpoint in a folder, if each of its files is what its manifest says; else Damaged."""
    body = _manifest(folder)
    if body["run"] != run:
        raise Damaged("belongs to another run")
    if body["step"] != step:
        raise Damaged(f"says that it is of step {body['step']}")
    files: Mapping[str, Mapping[str, Any]] = body["files"]
    for name, promised in files.items():
        if not FILE.fullmatch(name):
            raise Damaged(f"names {name}, which is not a file of a checkpoint")
        _check(folder / name, promised)
    for path in sorted(folder.iterdir()):
        if path.name not in {*files, MANIFEST}:
            refuse(f"{folder.name}/{path.name}", "is not in the manifest, and is not opened")
    return Saved(folder, step, body["facts"], tuple(name.removesuffix(".safetensors") for name in files))


def _manifest(folder: Path) -> Mapping[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        body, sha256 = manifest["body"], manifest["sha256"]
    except OSError as error:
        raise Damaged(f"{MANIFEST} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged(f"{MANIFEST} is not whole") from error
    if _digest(body) != sha256:
        raise Damaged(f"{MANIFEST} was changed")
    if body["format"] != FORMAT:
        raise Damaged(f"has format {body['format']}, and this release reads {FORMAT}")
    return body  # type: ignore[no-any-return]


def _check(file: Path, promised: Mapping[str, Any]) -> None:
    if not file.is_file():
        raise Damaged(f"{file.name} is missing")
    if (length := file.stat().st_size) != promised["length"]:
        raise Damaged(f"{file.name} has {length} bytes instead of {promised['length']}")
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(BLOCK_BYTES):
            digest.update(block)
    if digest.hexdigest() != promised["sha256"]:
        raise Damaged(f"{file.name} was changed")


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _write_through(file: Path, content: bytes) -> None:
    with file.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())


def _force(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

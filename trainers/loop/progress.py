"""What a run says about itself: JSON lines that its ranks append to a file and that whoever started it follows.

A run has succeeded when it says `done`, whatever the exit codes of its processes are.
"""

import os
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

FILE = "progress.jsonl"


class Kind(StrEnum):
    BEGAN = "began"
    """Ranks have met; `step` is where they go on."""
    REFUSED = "refused"
    """Something among the checkpoints is not used; `detail` names it and says why."""
    STEP = "step"
    SAVED = "saved"
    STOPPED = "stopped"
    """All ranks left together because they were asked to; what they did is saved."""
    FAILED = "failed"
    """Starting again would not help; `detail` says why."""
    HINDERED = "hindered"
    """Starting again helps once what is away is back, or a full disk has room; `detail` says what it is."""
    DONE = "done"


class Line(BaseModel):
    """One thing that a run says."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: Kind
    step: int = 0
    steps: int = 1
    loss: float = 0.0
    items_per_s: float = 0.0
    seconds: float = 0.0
    """That training has taken, earlier processes included."""
    ranks: int = 0
    detail: str = ""
    files: tuple[str, ...] = ()
    """What came out, below the folder of the run."""


class Journal:
    """Writes lines. Several ranks may: each line is one write at the end of the file."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE

    def say(self, line: Line) -> None:
        """A line begins on a line of its own, whatever a killed writer has left."""
        text = f"\n{line.model_dump_json(exclude_defaults=True)}\n".encode()
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, text)
        finally:
            os.close(descriptor)


class Follower:
    """Reads what is said from now on."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._offset = self._file.stat().st_size if self._file.exists() else 0

    def news(self) -> Sequence[Line]:
        """Whole lines since the last call."""
        if not self._file.exists():
            return ()
        with self._file.open("rb") as file:
            file.seek(self._offset)
            said, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(said) + len(newline)
        return [line for text in said.split(b"\n") if (line := _read(text)) is not None]


def _read(text: bytes) -> Line | None:
    """None for what a killed writer has left."""
    try:
        return Line.model_validate_json(text)
    except ValidationError:
        return None

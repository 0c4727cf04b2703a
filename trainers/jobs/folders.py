"""Each job has a folder of its own, which one at a time works in, and which goes some time after the job has ended."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from safetensors import SafetensorError

from models.registry.records import Job
from streams.errors import Unavailable
from trainers.loop.lifeline import owned

HANDS = "hands"
"""In a job's folder: locked by whoever works there."""


def folder_of(root: Path, job_id: str) -> Path:
    """A job's folder: any job id is a safe name."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in job_id)[:80].lstrip(".")
    return root / (safe if safe == job_id else f"{safe}-{sha256(job_id.encode()).hexdigest()[:12]}")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else works in a job's folder.

    Raises Unavailable while somebody does, as who lost a lease takes a moment to hear of it; and where the disk fails
    whoever works in it, such as by being full: the job waits for room, and the process lives.
    """
    hands = folder / HANDS
    try:
        hands.mkdir(parents=True, exist_ok=True)
        with owned(hands):
            yield
    except (OSError, SafetensorError) as error:  # the library hides the first in the second
        raise Unavailable(f"{folder} cannot be worked in: {error}") from error


def tidy(root: Path, jobs: Iterable[Job], keep: int) -> None:
    """Removes the folders of jobs that have ended, but for the latest few. What may be taken up again stays."""
    ended = sorted((job for job in jobs if job.state.ended), key=lambda job: job.ended_at_ms or 0, reverse=True)
    folders = [folder for job in ended if (folder := folder_of(root, job.job_id)).is_dir()]
    for folder in folders[keep:]:
        with suppress(Unavailable), alone(folder):
            shutil.rmtree(folder, ignore_errors=True)

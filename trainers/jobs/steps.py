"""The steps that all jobs have, and what they leave in the job's folder, so that it can be taken up again."""

import json
import os
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import JsonValue

from models.registry.records import Job, Progress
from trainers.jobs.workbench import Stop, Tell, Workbench
from trainers.loop.launcher import RunStopped
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Split

FROZEN, SECONDS = "snapshot.json", "seconds.json"


class Live(NamedTuple):
    """What served when the job was begun."""

    model_version: str
    encoder_version: str


def live_at(folder: Path, bench: Workbench) -> Live:
    """What the job follows: decided once, however often it is taken up."""
    if known := read(folder / FROZEN):
        parent = str(known["parent"])
        return Live(str(known.get("live", parent)), parent)
    standing = bench.watch.fresh()
    return Live(standing.model_version, standing.encoder_version)


def frozen(job: Job, live: Live, folder: Path, bench: Workbench) -> Manifest:
    """The snapshot, frozen once a job."""
    if known := read(folder / FROZEN):
        return bench.snapshots.get(str(known["sha256"]))
    # near-duplicates by the plain text tower: one that has learnt classes would take a whole class for one item
    manifest = bench.builder.freeze(job.project_id, bench.shelf.configured, bench.tasks, live.encoder_version)
    known = {"sha256": manifest.sha256, "parent": live.encoder_version, "live": live.model_version}
    write(folder / FROZEN, json.dumps(known).encode())
    return manifest


def labels_by_arm(manifest: Manifest) -> JsonValue:
    """How many labels of the training side came from which arm."""
    arms = [label.arm.value for row in manifest.of_split(Split.TRAIN) for label in row.labels]
    return cast(JsonValue, Counter(arms))


class Timed:
    """Tells the step that begins, and notes the seconds that it took, those before an interruption included.

    Raises RunStopped where it should not begin any more.
    """

    def __init__(self, folder: Path, step: str, tell: Tell, stop: Stop) -> None:
        self._file, self._step, self._tell, self._stop = folder / SECONDS, step, tell, stop

    def __enter__(self) -> None:
        if self._stop():
            raise RunStopped(f"stopped before {self._step}")
        self._began = time.monotonic()
        self._tell(Progress(self._step))

    def __exit__(self, *_: object) -> None:
        known = read(self._file)
        took = time.monotonic() - self._began
        spent = known | {self._step: round(float(known.get(self._step, 0.0)) + took, 3)}
        write(self._file, json.dumps(spent).encode())


def seconds_of(folder: Path) -> dict[str, float]:
    """What the steps took so far."""
    return {step: float(seconds) for step, seconds in read(folder / SECONDS).items()}


def read(file: Path) -> dict[str, Any]:
    """JSON that a step left; nothing before it did."""
    return json.loads(file.read_bytes()) if file.exists() else {}


def write(file: Path, content: bytes) -> None:
    """Whole or not at all."""
    draft = file.with_suffix(".draft")
    with draft.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    draft.rename(file)

"""One job from its request to a model that can be registered: freeze, prepare, train, keep.

Each step leaves what it made in the job's folder, so that a job that is taken up again goes on where it stopped.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

from pydantic import JsonValue

from models.encoders.config import EncoderConfig
from models.encoders.mini import MillraceMini
from models.encoders.released import load_released
from models.mined.store import BEGINNING, MAX_PAGE, HardNegative, MinedStore
from models.registry.artifacts.store import ArtifactStore
from models.registry.records import Job, Model, ModelKind, Progress
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from models.registry.standing import Watch
from schemas.event import Event
from schemas.training import ModelTrained
from streams.errors import Misconfigured
from streams.media.store import MediaStore
from trainers.learning.data.dataset import FACTS, open_dataset
from trainers.learning.data.examples import ItemName
from trainers.learning.data.materialise import materialise
from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import RunResult, RunStopped, TrainingRun
from trainers.recipes.hashes import recipe_sha256, run_sha256
from trainers.recipes.overrides import resolved
from trainers.recipes.recipe import Recipe
from trainers.snapshots.builder import SnapshotBuilder
from trainers.snapshots.labelled import Task
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Split
from trainers.snapshots.store import SnapshotStore

FROZEN, RECIPE, STEPS = "snapshot.json", "recipe.json", "seconds.json"

Tell = Callable[[Progress], None]
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a trainer works with."""

    registry: Registry
    watch: Watch
    shelf: Shelf
    builder: SnapshotBuilder
    snapshots: SnapshotStore
    artifacts: ArtifactStore
    media: MediaStore
    mined: MinedStore
    tasks: Sequence[Task]
    encoder: EncoderConfig
    config: TrainingConfig
    folder: Path
    """Each job has a folder of its own in it."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and the fact that it exists."""

    model: Model
    fact: ModelTrained


def train(job: Job, folder: Path, bench: Workbench, tell: Tell, stop: Stop) -> Trained:
    """Raises BadRecord or Misconfigured for a job that can never be done, RunFailed, RunStopped, or Unavailable."""
    recipe = resolved(job.recipe, job.overrides)
    folder.mkdir(parents=True, exist_ok=True)
    with _Timed(folder, "snapshot", tell, stop):
        manifest, parent = _frozen(job, folder, bench)
    with _Timed(folder, "data", tell, stop):
        _prepared(recipe, manifest, parent, folder, bench)
    with _Timed(folder, "training", tell, stop):
        result = TrainingRun(folder, bench.config).run(tell, stop)
    with _Timed(folder, "saving", tell, stop):
        encoder = load_released(bench.encoder, {path.name: path for path in result.files}, parent.texts)
        artifacts = tuple(bench.artifacts.put_file(path, path.name) for path in sorted(result.files))
    if encoder.version == parent.version:
        raise Misconfigured("training changed nothing: the recipe has no step that learns")
    seconds = _read(folder / STEPS)
    model = Model(
        version=encoder.version,
        kind=ModelKind.ENCODER,
        encoder_version=encoder.version,
        parent_version=parent.version,
        recipe=job.recipe,
        recipe_sha256=recipe_sha256(recipe),
        snapshot_sha256=manifest.sha256,
        job_id=job.job_id,
        artifacts=artifacts,
        facts=_facts(recipe, manifest, parent, folder, result, bench.config) | {"seconds": dict(seconds)},
        seconds=sum(seconds.values()),
        created_at_ms=int(time.time() * 1000),
    )
    return Trained(model, _told(job, model))


def cause_of(job: Job) -> Event:
    """The request, as far as what follows from it needs it."""
    return Event(event_id=UUID(job.request_id), traceparent=job.traceparent)


def _frozen(job: Job, folder: Path, bench: Workbench) -> tuple[Manifest, MillraceMini]:
    """The snapshot, frozen once a job however often it is taken up, and the model that was live then."""
    known = _read(folder / FROZEN)
    live = str(known["parent"]) if known else bench.watch.fresh().encoder_version
    encoder = bench.shelf.get(live)
    if not isinstance(encoder, MillraceMini):
        raise Misconfigured(f"only millrace-mini can be trained, and {live} serves; set encoder.kind = millrace-mini")
    if known:
        return bench.snapshots.get(str(known["sha256"])), encoder
    # near-duplicates by the plain text tower: one that has learnt classes would take a whole class for one item
    manifest = bench.builder.freeze(job.project_id, bench.shelf.configured, bench.tasks, live)
    _write(folder / FROZEN, {"sha256": manifest.sha256, "parent": live})
    return manifest, encoder


def _prepared(recipe: Recipe, manifest: Manifest, parent: MillraceMini, folder: Path, bench: Workbench) -> None:
    if (folder / FACTS).exists():
        return
    _write(folder / RECIPE, recipe.model_dump(mode="json"))
    negatives, known = _negatives(bench.mined, manifest), _learnt_before(parent.version, bench)
    materialise(manifest, recipe, bench.media, parent, negatives, folder, known)


def _learnt_before(version: str, bench: Workbench) -> frozenset[ItemName]:
    """What the parent was trained on: it is replayed among what is new, so that it is not forgotten."""
    model = bench.registry.models.get(version)
    if model is None or not model.snapshot_sha256:
        return frozenset()
    rows = bench.snapshots.get(model.snapshot_sha256).of_split(Split.TRAIN)
    return frozenset(ItemName(row.tenant, row.item_id, row.version) for row in rows)


def _negatives(mined: MinedStore, manifest: Manifest) -> list[HardNegative]:
    """Those of the tenants in the snapshot."""
    found: list[HardNegative] = []
    for tenant in sorted({row.tenant for row in manifest.of_split(Split.TRAIN)}):
        after = BEGINNING
        while page := mined.hard_negatives(tenant, after, MAX_PAGE):
            found += page
            after = page[-1].place
    return found


def _facts(
    recipe: Recipe, manifest: Manifest, parent: MillraceMini, folder: Path, result: RunResult, config: TrainingConfig
) -> dict[str, JsonValue]:
    dataset = open_dataset(folder)
    where = (config.ranks, config.threads, config.compiled)
    name = run_sha256(recipe, manifest.sha256, parent.version, dataset.sha256, *where)
    arms = [label.arm.value for row in manifest.of_split(Split.TRAIN) for label in row.labels]
    return {
        "run_sha256": name,
        "seed": recipe.seed,
        "steps": result.steps,
        "loss": result.loss,
        "ranks": result.ranks,
        "threads": config.threads,
        "labels": cast(JsonValue, Counter(arms)),
    }


def _told(job: Job, model: Model) -> ModelTrained:
    return ModelTrained.following(
        cause_of(job),
        occurred_at=datetime.fromtimestamp(model.created_at_ms / 1000, UTC),
        job_id=job.job_id,
        model_version=model.version,
        parent_version=model.parent_version,
        snapshot_sha256=model.snapshot_sha256,
        recipe_sha256=model.recipe_sha256,
        artifacts=model.artifacts,
        seconds=model.seconds,
        kind=model.kind.value,
        encoder_version=model.encoder_version,
        recipe=model.recipe,
    )


class _Timed:
    """Tells the step that begins, and notes the seconds that it took, those before an interruption included.

    Raises RunStopped where it should not begin any more.
    """

    def __init__(self, folder: Path, step: str, tell: Tell, stop: Stop) -> None:
        self._file, self._step, self._tell, self._stop = folder / STEPS, step, tell, stop

    def __enter__(self) -> None:
        if self._stop():
            raise RunStopped(f"stopped before {self._step}")
        self._began = time.monotonic()
        self._tell(Progress(self._step))

    def __exit__(self, *_: object) -> None:
        known = _read(self._file)
        took = time.monotonic() - self._began
        _write(self._file, known | {self._step: round(float(known.get(self._step, 0.0)) + took, 3)})


def _read(file: Path) -> dict[str, float]:
    return json.loads(file.read_bytes()) if file.exists() else {}


def _write(file: Path, content: Mapping[str, object]) -> None:
    """Whole or not at all."""
    draft = file.with_suffix(".draft")
    with draft.open("w") as out:
        json.dump(content, out)
        out.flush()
        os.fsync(out.fileno())
    draft.rename(file)

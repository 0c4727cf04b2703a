"""One job from its request to a model that can be registered: freeze, prepare, train, fit heads, keep.

Each step leaves what it made in the job's folder, so that a job that is taken up again goes on where it stopped.
"""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import JsonValue

from models.encoders.mini import MillraceMini
from models.encoders.released import load_released
from models.mined.store import BEGINNING, MAX_PAGE, HardNegative, MinedStore
from models.registry.records import Job, Model, ModelKind
from schemas.training import ModelTrained, TriggerCause
from streams.errors import Misconfigured
from trainers.jobs.heads import facts_of, fitted_heads, head_model
from trainers.jobs.steps import Live, Timed, frozen, labels_by_arm, live_at, read, seconds_of, write
from trainers.jobs.workbench import Stop, Tell, Trained, Workbench, cause_of
from trainers.learning.data.dataset import FACTS, open_dataset
from trainers.learning.data.examples import ItemName
from trainers.learning.data.materialise import materialise
from trainers.learning.heads.fitting import PHASE
from trainers.loop.config import TrainingConfig
from trainers.loop.launcher import RunResult, TrainingRun
from trainers.recipes.hashes import recipe_sha256, run_sha256
from trainers.recipes.head import HeadRecipe
from trainers.recipes.overrides import resolved
from trainers.recipes.recipe import Recipe
from trainers.snapshots.history.forgetting import unlearnt
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Split

RECIPE, PARENT = "recipe.json", "parent.json"


def train(job: Job, folder: Path, bench: Workbench, tell: Tell, stop: Stop) -> Trained:
    """Raises BadRecord or Misconfigured for a job that can never be done, RunFailed, RunStopped, or Unavailable."""
    recipe = resolved(job.recipe, job.overrides)
    folder.mkdir(parents=True, exist_ok=True)
    if isinstance(recipe, HeadRecipe):
        model = head_model(job, recipe, folder, bench, tell, stop)
    else:
        model = _encoder_model(job, recipe, folder, bench, tell, stop)
    return Trained(model, _told(job, model))


def _encoder_model(job: Job, recipe: Recipe, folder: Path, bench: Workbench, tell: Tell, stop: Stop) -> Model:
    """A new encoder, and the heads of its labels beside it: one generation switches both."""
    with Timed(folder, "snapshot", tell, stop):
        manifest, parent = _frozen(job, folder, bench)
    with Timed(folder, "data", tell, stop):
        _prepared(recipe, manifest, parent, folder, bench)
    with Timed(folder, "training", tell, stop):
        result = TrainingRun(folder, bench.config).run(tell, stop)
    with Timed(folder, PHASE, tell, stop):
        encoder = load_released(bench.encoder, {path.name: path for path in result.files}, parent.texts)
        if encoder.version == parent.version:
            raise Misconfigured(
                f"training ended in the very weights of {parent.version}, which it was to improve on: there is nothing "
                "to judge. Label more items, or change the recipe"
            )
        fitted = fitted_heads(manifest, HeadRecipe(), encoder, folder, bench, tell, stop)
    with Timed(folder, "saving", tell, stop):
        files = sorted(result.files) + ([fitted.file] if fitted else [])
        artifacts = tuple(bench.artifacts.put_file(path) for path in files)
    seconds = seconds_of(folder)
    facts = _facts(recipe, manifest, parent, folder, result, bench.config)
    facts |= facts_of(fitted.bundle) if fitted else {}
    return Model(
        version=encoder.version,
        kind=ModelKind.ENCODER,
        encoder_version=encoder.version,
        parent_version=parent.version,
        recipe=job.recipe,
        recipe_sha256=recipe_sha256(recipe),
        snapshot_sha256=manifest.sha256,
        job_id=job.job_id,
        artifacts=artifacts,
        facts=facts | {"seconds": dict[str, JsonValue](seconds)},
        seconds=sum(seconds.values()),
        created_at_ms=int(time.time() * 1000),
    )


def _frozen(job: Job, folder: Path, bench: Workbench) -> tuple[Manifest, MillraceMini]:
    """The snapshot, and the encoder whose weights the run begins with."""
    live = live_at(folder, bench)
    encoder = bench.shelf.get(_begun_from(job, live, folder, bench))
    if not isinstance(encoder, MillraceMini):
        raise Misconfigured(
            f"only millrace-mini can be trained, and {live.encoder_version} serves; set encoder.kind = millrace-mini, "
            "or ask for heads alone: `millrace train --recipe head`"
        )
    return frozen(job, live, folder, bench), encoder


def _begun_from(job: Job, live: Live, folder: Path, bench: Workbench) -> str:
    """The encoder that is live; after a withdrawal one that never learnt from what is gone, chosen once a job."""
    if job.cause != TriggerCause.WITHDRAWAL:
        return live.encoder_version
    if not (known := read(folder / PARENT)):
        clean = unlearnt(live.encoder_version, bench.registry.models, bench.snapshots, bench.catalogue)
        known = {"version": clean or bench.shelf.configured.version}
        write(folder / PARENT, json.dumps(known).encode())
    return str(known["version"])


def _prepared(recipe: Recipe, manifest: Manifest, parent: MillraceMini, folder: Path, bench: Workbench) -> None:
    if (folder / FACTS).exists():
        return
    write(folder / RECIPE, json.dumps(recipe.model_dump(mode="json")).encode())
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
    return {
        "run_sha256": name,
        "seed": recipe.seed,
        "steps": result.steps,
        "loss": result.loss,
        "ranks": result.ranks,
        "threads": config.threads,
        "labels": labels_by_arm(manifest),
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

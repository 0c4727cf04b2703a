"""Heads of a snapshot on an encoder: fitted once a job, kept beside it, and a model of their own or part of one."""

import time
from pathlib import Path
from typing import NamedTuple

from pydantic import JsonValue

from models.encoders.port import Encoder
from models.heads.bundle import HEADS, HeadBundle, bundle_from_bytes, bundle_to_bytes, version_of
from models.registry.records import Job, Model, ModelKind
from models.registry.stores.models import lineage
from streams.errors import BadRecord, Misconfigured
from trainers.jobs.steps import Timed, frozen, labels_by_arm, live_at, seconds_of, write
from trainers.jobs.workbench import Stop, Tell, Workbench
from trainers.learning.heads.fitting import PHASE, fit_heads
from trainers.loop.launcher import RunStopped
from trainers.recipes.hashes import recipe_sha256
from trainers.recipes.head import HeadRecipe
from trainers.snapshots.manifest import Manifest


class Fitted(NamedTuple):
    """Heads and their file."""

    bundle: HeadBundle
    file: Path


def head_model(job: Job, recipe: HeadRecipe, folder: Path, bench: Workbench, tell: Tell, stop: Stop) -> Model:
    """A model of heads on the encoder that serves. Raises BadRecord("nothing_to_learn") where no task has classes."""
    with Timed(folder, "snapshot", tell, stop):
        live = live_at(folder, bench)
        manifest = frozen(job, live, folder, bench)
    with Timed(folder, PHASE, tell, stop):
        fitted = fitted_heads(manifest, recipe, bench.shelf.get(live.encoder_version), folder, bench, tell, stop)
    if fitted is None:
        raise BadRecord("nothing_to_learn", "the snapshot's training side has no example that this recipe learns from")
    with Timed(folder, "saving", tell, stop):
        artifact = bench.artifacts.put_file(fitted.file)
    seconds = seconds_of(folder)
    model = Model(
        version=version_of(fitted.file.read_bytes(), live.encoder_version),
        kind=ModelKind.HEAD,
        encoder_version=live.encoder_version,
        parent_version=live.model_version,
        recipe=job.recipe,
        recipe_sha256=recipe_sha256(recipe),
        snapshot_sha256=manifest.sha256,
        job_id=job.job_id,
        artifacts=(artifact,),
        facts={
            "seed": recipe.seed,
            "labels": labels_by_arm(manifest),
            **facts_of(fitted.bundle),
            "seconds": dict[str, JsonValue](seconds),
        },
        seconds=sum(seconds.values()),
        created_at_ms=int(time.time() * 1000),
    )
    _require_news(model, bench)
    return model


def fitted_heads(
    manifest: Manifest, recipe: HeadRecipe, encoder: Encoder, folder: Path, bench: Workbench, tell: Tell, stop: Stop
) -> Fitted | None:
    """The heads as the job fitted them first, also where it is taken up again; None where there is nothing to learn."""

    def rest() -> None:
        if stop():
            raise RunStopped("stopped while heads were fitted")

    file = folder / PHASE / HEADS
    if (known := _fitted_before(file, encoder.version)) is not None:
        return Fitted(known, file)
    bundle = fit_heads(manifest, recipe, encoder, bench.media, tell, rest)
    if not bundle.heads:
        return None
    file.parent.mkdir(exist_ok=True)
    write(file, bundle_to_bytes(bundle))
    return Fitted(bundle, file)


def facts_of(bundle: HeadBundle) -> dict[str, JsonValue]:
    """Figures of heads, without names: every tenant sees the facts of a model, and not the tasks of others."""
    return {"heads": len(bundle.heads), "classes": sum(len(head.classes) for head in bundle.heads.values())}


def _fitted_before(file: Path, encoder_version: str) -> HeadBundle | None:
    bundle = bundle_from_bytes(file.read_bytes()) if file.exists() else None
    return bundle if bundle is not None and bundle.encoder_version == encoder_version else None


def _require_news(model: Model, bench: Workbench) -> None:
    """Raises Misconfigured where the labels teach what is registered already, from another snapshot or parent."""
    known = bench.registry.models.get(model.version)
    if known is not None and lineage(known) != lineage(model):
        raise Misconfigured(
            f"training changed nothing: the labels of now make {model.version} again, which is registered already; "
            "label more items, or release that one"
        )

"""A model that is worse on purpose: the live picture tower with noise in its weights, registered like any other."""

import time
from collections.abc import Mapping
from pathlib import Path
from uuid import UUID, uuid5

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from infra.wiring.workshop import Workshop
from models.encoders.released import IMAGE_TOWER, load_released
from models.heads.bundle import HEADS
from models.registry.records import Model, ModelKind
from schemas.training import ModelTrained
from streams.codec import encode
from streams.errors import MillraceError
from streams.topics import MODELS_TRAINED

NOISE = 4.0
"""Standard deviation of the noise, in that of each weight tensor."""
FLUSH_S = 15.0
_NAMESPACE = uuid5(UUID(int=0), "millrace/demo")


def publish_degraded(workshop: Workshop, folder: Path, seed: int) -> Model:
    """Registers a worse model than the live one, and tells that it exists; the gate will hear of it."""
    registry = workshop.registry
    live = registry.generations.live()
    good = registry.models.get(live.model_version) if live else None
    if good is None:
        raise MillraceError("no trained model serves yet")
    files = workshop.artifacts.fetch(good.artifacts, folder / "good")
    bad = _spoilt(files, folder / f"degraded-{seed}", seed)
    encoder = load_released(workshop.settings.encoder, bad)
    model = Model(
        version=encoder.version,
        kind=ModelKind.ENCODER,
        encoder_version=encoder.version,
        parent_version=good.version,
        recipe="degraded on purpose",
        recipe_sha256=good.recipe_sha256,
        snapshot_sha256=good.snapshot_sha256,
        job_id=f"degraded-{seed}",
        artifacts=tuple(workshop.artifacts.put_file(path, name) for name, path in sorted(bad.items())),
        facts={"noise": NOISE, "seed": seed},
        created_at_ms=int(time.time() * 1000),
    )
    registry.models.register(model)
    _tell(workshop, model)
    return model


def _spoilt(files: Mapping[str, Path], folder: Path, seed: int) -> dict[str, Path]:
    folder.mkdir(parents=True, exist_ok=True)
    chance = torch.Generator().manual_seed(seed)
    with safe_open(files[IMAGE_TOWER], framework="pt") as file:
        facts = file.metadata()
    weights = load_file(files[IMAGE_TOWER])
    noisy = {
        name: each + NOISE * each.std(unbiased=False) * torch.randn(each.shape, generator=chance)
        for name, each in weights.items()
    }
    save_file(noisy, folder / IMAGE_TOWER, metadata=facts)
    towers = {name: path for name, path in files.items() if name != HEADS}  # heads are of the encoder that was good
    return {**towers, IMAGE_TOWER: folder / IMAGE_TOWER}


def _tell(workshop: Workshop, model: Model) -> None:
    fact = ModelTrained(
        event_id=uuid5(_NAMESPACE, model.version),
        job_id=model.job_id,
        model_version=model.version,
        parent_version=model.parent_version,
        snapshot_sha256=model.snapshot_sha256,
        recipe_sha256=model.recipe_sha256,
        artifacts=model.artifacts,
        seconds=0.0,
        encoder_version=model.encoder_version,
        recipe=model.recipe,
    )
    producer = workshop.producer()
    producer.send(MODELS_TRAINED.full_name(workshop.settings.kafka.prefix), encode(fact, "millrace/demo"))
    producer.flush(FLUSH_S)

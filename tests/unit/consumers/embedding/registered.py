"""A registry in a folder, with models that need no torch."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid5

from models.encoders.config import EncoderConfig, EncoderKind
from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.artifacts import ArtifactStore
from models.registry.records import Model, ModelKind, Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.shelf import SALT, Shelf
from schemas.event import new_traceparent

LIVE = "hashing-384-v1"


def registry_in(folder: Path) -> Registry:
    registry = Registry(open_engine(MetadataConfig().resolved(folder)))
    registry.create_tables()
    return registry


def shelf_of(registry: Registry, folder: Path) -> Shelf:
    store = ArtifactStore.open(folder / "artifacts")
    return Shelf(EncoderConfig(kind=EncoderKind.HASHING), registry.models, store, folder / "models")


def hashing_model(version: str, salt: int) -> Model:
    return Model(version, ModelKind.ENCODER, version, facts={SALT: salt})


def began(registry: Registry, version: str, state: RolloutState = RolloutState.PREPARING) -> Rollout:
    """A rollout of a model that has taken it to a state."""
    rollout = Rollout(
        rollout_id=str(uuid5(UUID(int=0), version)),
        model_version=version,
        encoder_version=version,
        previous_version=LIVE,
        previous_encoder_version=LIVE,
        state=state,
        share=0.1,
        forced=False,
        requested_by="test",
        traceparent=new_traceparent(),
        began_at_ms=0,
        changed_at_ms=0,
    )
    assert registry.rollouts.begin(rollout)
    return rollout


def moved_on(registry: Registry, state: RolloutState) -> Rollout:
    """The rollout under way in another state."""
    while True:
        current = registry.rollouts.current()
        assert current is not None
        if (changed := registry.rollouts.change(replace(current, state=state))) is not None:
            return changed

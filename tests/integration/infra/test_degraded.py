"""A model that is worse on purpose, with a real registry, real files and real towers."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from infra.demo.wheel.degraded import publish_degraded
from infra.settings import Settings
from infra.wiring.workshop import Workshop
from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.mini import MillraceMini
from models.encoders.released import IMAGE_TOWER, load_released
from models.heads.bundle import HEADS, HeadBundle, bundle_to_bytes
from models.registry.records import Model, ModelKind
from schemas.training import ModelTrained, ReleaseKind
from streams.codec import decode
from streams.errors import MillraceError
from streams.memory import MemoryBroker, MemoryProducer
from streams.topics import MODELS_TRAINED
from tests.contract.pictures import encoded, noise
from tests.contract.registry import SHA, rollout

ENCODER = EncoderConfig(threads=1)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    workshop = Workshop(Settings(data_dir=tmp_path / "data", encoder=ENCODER))
    with workshop.close:
        yield workshop


@pytest.fixture
def broker(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> MemoryBroker:
    broker = MemoryBroker({topic(workshop): 1})
    monkeypatch.setattr(workshop, "producer", lambda: MemoryProducer(broker))
    return broker


def topic(workshop: Workshop) -> str:
    return MODELS_TRAINED.full_name(workshop.settings.kafka.prefix)


def serving(workshop: Workshop, folder: Path) -> Model:
    """A registered model that serves."""
    plain = workshop.shelf.configured
    assert isinstance(plain, MillraceMini)
    ImageTower.seeded(plain.dim, EncoderConfig(threads=1, image_seed=7)).save(folder / IMAGE_TOWER)
    version = load_released(ENCODER, {IMAGE_TOWER: folder / IMAGE_TOWER}, plain.texts).version
    (folder / HEADS).write_bytes(bundle_to_bytes(HeadBundle(version, {})))
    artifacts = tuple(workshop.artifacts.put_file(folder / name) for name in (HEADS, IMAGE_TOWER))
    said = {"recipe_sha256": SHA, "snapshot_sha256": SHA, "artifacts": artifacts}
    model = Model(version, ModelKind.ENCODER, version, **said)  # type: ignore[arg-type]
    registry = workshop.registry
    registry.models.register(model)
    way = rollout(
        model_version=version,
        encoder_version=version,
        previous_version=plain.version,
        previous_encoder_version=plain.version,
    )
    assert registry.rollouts.begin(way)
    assert registry.rollouts.switch(way, 0, ReleaseKind.RELEASE)
    return model


def test_a_degraded_model_is_registered_and_told_once_however_often_it_is_offered(
    workshop: Workshop, broker: MemoryBroker, tmp_path: Path
) -> None:
    good = serving(workshop, tmp_path)
    bad = publish_degraded(workshop, tmp_path, seed=1)
    assert publish_degraded(workshop, tmp_path, seed=1).version == bad.version != good.version
    assert {model.version for model in workshop.registry.models.list()} == {good.version, bad.version}
    facts = [decode(record, MODELS_TRAINED.events) for record in broker.records(topic(workshop))]
    assert len({fact.event_id for fact in facts}) == 1
    assert isinstance(facts[0], ModelTrained)
    assert (facts[0].model_version, facts[0].parent_version) == (bad.version, good.version)
    assert workshop.shelf.heads(good.version) is not None
    assert workshop.shelf.heads(bad.version) is None  # it has another encoder
    picture = [encoded(noise(1))]
    vectors = [workshop.shelf.get(one.version).encode_images(picture) for one in (good, bad)]
    assert float((vectors[0] * vectors[1]).sum()) < 0.9
    np.testing.assert_allclose(np.linalg.norm(vectors[1], axis=1), 1.0, atol=1e-5)


def test_another_seed_is_another_degraded_model(workshop: Workshop, broker: MemoryBroker, tmp_path: Path) -> None:
    serving(workshop, tmp_path)
    assert len({publish_degraded(workshop, tmp_path, seed).version for seed in (1, 2)}) == 2


def test_before_a_trained_model_serves_there_is_nothing_to_degrade(workshop: Workshop, tmp_path: Path) -> None:
    with pytest.raises(MillraceError, match="no trained model serves yet"):
        publish_degraded(workshop, tmp_path, seed=1)

"""Encoders with weights, from the artifact store to vectors."""

from pathlib import Path

import numpy as np
import pytest
import torch

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.mini import MillraceMini
from models.encoders.released import IMAGE_TOWER, save_released
from models.encoders.text.adapter import Adapter, LowRank, layer_name
from models.registry.artifacts import ArtifactStore
from models.registry.records import Model, ModelKind
from models.registry.registry import Registry
from models.registry.shelf import Shelf
from streams.errors import BadRecord
from tests.contract.pictures import encoded, gradient
from tests.unit.consumers.embedding.registered import registry_in


class House:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.registry: Registry = registry_in(folder)
        self.artifacts = ArtifactStore.open(folder / "artifacts")
        self.shelf = self.started()

    def started(self) -> Shelf:
        """The shelf of a process that has just begun."""
        return Shelf(EncoderConfig(), self.registry.models, self.artifacts, self.folder / "models")

    def register(self, encoder: MillraceMini, version: str | None = None) -> str:
        files = save_released(encoder, self.folder / "trained" / encoder.version)
        name = version or encoder.version
        artifacts = tuple(self.artifacts.put_file(path) for path in files)
        self.registry.models.register(Model(name, ModelKind.ENCODER, name, artifacts=artifacts))
        return name


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def configured(house: House) -> MillraceMini:
    encoder = house.shelf.configured
    assert isinstance(encoder, MillraceMini)
    return encoder


def trained(configured: MillraceMini, seed: int = 7) -> MillraceMini:
    return MillraceMini(configured.texts, ImageTower.seeded(configured.dim, EncoderConfig(image_seed=seed)))


def test_a_released_encoder_sees_as_the_trained_one_did(house: House, configured: MillraceMini) -> None:
    encoder = trained(configured)
    loaded = house.shelf.get(house.register(encoder))
    picture = [encoded(gradient())]
    np.testing.assert_array_equal(loaded.encode_images(picture), encoder.encode_images(picture))
    assert loaded.version != configured.version


def test_versions_that_read_alike_share_the_weights_of_their_text_tower(house: House, configured: MillraceMini) -> None:
    loaded = house.shelf.get(house.register(trained(configured)))
    assert isinstance(loaded, MillraceMini)
    assert loaded.texts.plain is configured.texts.plain
    assert loaded.texts.digest == configured.texts.digest


def test_an_adapted_text_tower_reads_otherwise(house: House, configured: MillraceMini) -> None:
    a, b = torch.ones(2, configured.dim), torch.ones(configured.dim, 2)
    adapter = Adapter({layer_name(0, "query"): LowRank(a, b)}, 0.05)
    loaded = house.shelf.get(house.register(MillraceMini(configured.texts.adapted(adapter), configured.images)))
    assert isinstance(loaded, MillraceMini)
    assert loaded.texts.digest != configured.texts.digest
    assert not np.allclose(loaded.encode_texts(["a mill"]), configured.encode_texts(["a mill"]))


def test_files_that_were_fetched_once_serve_the_next_start(house: House, configured: MillraceMini) -> None:
    name = house.register(trained(configured))
    house.shelf.get(name)
    for file in (house.folder / "artifacts").rglob("*"):
        if file.is_file():
            file.unlink()
    assert house.started().get(name).version == name


def test_a_file_that_was_changed_in_the_store_is_refused_by_name(house: House, configured: MillraceMini) -> None:
    name = house.register(trained(configured))
    for file in (house.folder / "artifacts").rglob("*"):
        if file.is_file():
            content = bytearray(file.read_bytes())
            content[-1] ^= 1
            file.write_bytes(content)
    with pytest.raises(BadRecord, match=IMAGE_TOWER):
        house.shelf.get(name)


def test_weights_registered_under_another_models_name_are_refused(house: House, configured: MillraceMini) -> None:
    name = house.register(trained(configured), "millrace-mini-00000000")
    with pytest.raises(BadRecord, match="millrace-mini-00000000"):
        house.shelf.get(name)

from pathlib import Path

import numpy as np
import pytest
import torch

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower, PictureNet
from models.encoders.mini import MillraceMini
from streams.errors import Misconfigured
from tests.contract.pictures import encoded, noise

DIM = 384
PICTURES = [encoded(noise(seed)) for seed in range(3)]


def test_a_saved_tower_is_the_same_when_it_is_loaded(tmp_path: Path) -> None:
    tower = ImageTower.seeded(DIM, EncoderConfig(image_side_px=48, image_seed=7))
    tower.save(tmp_path / "tower.safetensors")
    again = ImageTower.load(tmp_path / "tower.safetensors", DIM, EncoderConfig())
    assert again.digest == tower.digest
    np.testing.assert_array_equal(again.encode(PICTURES), tower.encode(PICTURES))


def test_a_trained_tower_is_not_marked_untrained_once_loaded(tmp_path: Path) -> None:
    ImageTower(PictureNet(DIM), side_px=32, trained=True, config=EncoderConfig()).save(tmp_path / "tower.safetensors")
    encoder = MillraceMini.load(EncoderConfig(image_weights=tmp_path / "tower.safetensors"))
    assert encoder.untrained == frozenset()


def test_a_file_that_holds_no_such_tower_is_refused_by_the_name_of_its_setting(tmp_path: Path) -> None:
    (tmp_path / "tower.safetensors").write_bytes(b"no weights")
    with pytest.raises(Misconfigured, match=r"encoder\.image_weights"):
        ImageTower.load(tmp_path / "tower.safetensors", DIM, EncoderConfig())


def test_a_missing_file_is_refused_by_the_name_of_its_setting(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"encoder\.image_weights"):
        ImageTower.load(tmp_path / "absent.safetensors", DIM, EncoderConfig())


def test_a_tower_for_another_space_is_refused(tmp_path: Path) -> None:
    ImageTower.seeded(64, EncoderConfig()).save(tmp_path / "tower.safetensors")
    with pytest.raises(Misconfigured, match=r"encoder\.image_weights"):
        ImageTower.load(tmp_path / "tower.safetensors", DIM, EncoderConfig())


def test_the_network_has_the_size_that_some_hundred_labels_can_train() -> None:
    assert sum(weights.numel() for weights in PictureNet(DIM).parameters()) == 360_736


def test_the_network_learns_to_tell_two_pictures_apart() -> None:
    torch.manual_seed(0)
    network = PictureNet(dim=8)
    pictures = torch.stack([torch.full((3, 32, 32), -0.5), torch.full((3, 32, 32), 0.5)])
    wanted = torch.eye(8)[:2]
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for _ in range(30):
        optimiser.zero_grad()
        (1 - (network(pictures) * wanted).sum(dim=1)).mean().backward()
        optimiser.step()
    assert (network(pictures) * wanted).sum(dim=1).min() > 0.8

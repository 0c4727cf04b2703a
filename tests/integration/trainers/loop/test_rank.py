"""Two real ranks on gloo: the same weights every time, also when they go on from the middle."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.integration.trainers.loop.nursery import Nursery
from tests.integration.trainers.loop.runs import begun, cut_back, said, weights_digest
from trainers.loop.progress import Kind

WAYS: dict[str, dict[str, Any]] = {
    "stage 0": {"zero_stage": 0},
    "stage 1": {"zero_stage": 1},
    "stage 2": {"zero_stage": 2},
    "stage 3": {"zero_stage": 3},
    "stage 0, bf16": {"zero_stage": 0, "precision": "bf16"},
    "stage 1, bf16": {"zero_stage": 1, "precision": "bf16"},
    "stage 3, bf16": {"zero_stage": 3, "precision": "bf16"},
    "stage 1, accumulated": {"zero_stage": 1, "accumulation": 2},
}


@pytest.mark.parametrize("way", WAYS)
def test_going_on_from_a_checkpoint_ends_in_the_same_bits(nursery: Nursery, tmp_path: Path, way: str) -> None:
    folder = begun(tmp_path / "run", steps=20, **WAYS[way])
    assert nursery.train(folder) == [0, 0]
    whole = weights_digest(folder)
    cut_back(folder, 10)
    assert nursery.train(folder) == [0, 0]
    assert [line.step for line in said(folder, Kind.BEGAN)] == [0, 10]
    assert weights_digest(folder) == whole


def test_the_same_recipe_gives_the_same_weights_and_another_seed_gives_others(nursery: Nursery, tmp_path: Path) -> None:
    digests = []
    for name, seed in {"a": 1, "b": 1, "c": 2}.items():
        folder = begun(tmp_path / name, steps=10, seed=seed)
        assert nursery.train(folder) == [0, 0]
        digests.append(weights_digest(folder))
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("stage", [1, 3])
def test_what_two_ranks_began_one_can_finish(nursery: Nursery, tmp_path: Path, stage: int) -> None:
    folder = begun(tmp_path / "run", steps=20, zero_stage=stage)
    assert nursery.train(folder) == [0, 0]
    by_two = load_file(folder / "export" / "towers.safetensors")
    cut_back(folder, 10)
    assert nursery.train(folder, ranks=1) == [0]
    by_one = load_file(folder / "export" / "towers.safetensors")
    for name, weight in by_two.items():
        torch.testing.assert_close(by_one[name], weight, rtol=1e-2, atol=1e-4)
    assert said(folder, Kind.BEGAN)[-1].detail == "saved by 2 ranks"


@pytest.mark.skipif(shutil.which("g++") is None, reason="torch's compiler needs a C++ compiler, g++, which is not here")
def test_compiled_towers_learn_the_same_and_go_on_in_the_middle(nursery: Nursery, tmp_path: Path) -> None:
    plain, folder = begun(tmp_path / "plain", steps=20), begun(tmp_path / "compiled", steps=20)
    assert nursery.train(plain) == nursery.train(folder, compiled=True) == [0, 0]
    cut_back(folder, 10)
    assert nursery.train(folder, compiled=True) == [0, 0]
    by_hand, found = (load_file(each / "export" / "towers.safetensors") for each in (plain, folder))
    for name, weight in by_hand.items():
        torch.testing.assert_close(found[name], weight, rtol=1e-2, atol=1e-4)


def test_weights_that_ranks_share_out_are_not_compiled(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=2, zero_stage=3)
    assert nursery.train(folder, compiled=True) == [1, 1]
    [failed, *_] = said(folder, Kind.FAILED)
    assert failed.detail == "zero_stage 3 cannot be compiled: set training.compiled = false"


def test_a_finished_run_is_not_trained_again(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=10)
    assert nursery.train(folder) == nursery.train(folder) == [0, 0]
    first, second = said(folder, Kind.DONE)
    assert (second.loss, second.files) == (first.loss, first.files)
    assert said(folder, Kind.BEGAN)[1].step == 10


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=20)
    assert nursery.train(folder) == [0, 0]
    whole = weights_digest(folder)
    shard = folder / "checkpoints" / "step-0000000020" / "weights.safetensors"
    content = bytearray(shard.read_bytes())
    content[-3] ^= 1
    shard.write_bytes(content)
    assert nursery.train(folder) == [0, 0]
    [refused] = said(folder, Kind.REFUSED)
    assert refused.detail == "step-0000000020: weights.safetensors was changed"
    assert said(folder, Kind.BEGAN)[-1].step == 10
    assert weights_digest(folder) == whole


def test_a_loss_that_is_no_number_ends_the_run_and_nothing_is_saved(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", steps=20)
    (folder / "nan").touch()
    assert nursery.train(folder) != [0, 0]
    assert "lower the recipe's learning rate" in said(folder, Kind.FAILED)[-1].detail
    assert not (folder / "checkpoints").exists()


def test_a_full_disk_ends_the_run_loudly_and_nothing_half_is_visible(nursery: Nursery, tmp_path: Path) -> None:
    """On a real file system that has room for one checkpoint and not for two."""
    folder = begun(tmp_path / "run", steps=20)
    (folder / "checkpoints").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=44k", "none", str(folder / "checkpoints")]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small file system here")
    try:
        assert nursery.train(folder) != [0, 0]
        assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-0000000010"]
    finally:
        subprocess.run(["umount", "--lazy", str(folder / "checkpoints")], check=True)
    hindered = said(folder, Kind.HINDERED)[-1].detail
    assert hindered.startswith("the checkpoint of step 20 could not be written")
    assert hindered.endswith("No space left on device")
    assert said(folder, Kind.FAILED) == said(folder, Kind.DONE) == []

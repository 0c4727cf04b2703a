"""The real towers on two ranks: what one process would learn, and the same bits after an interruption."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from models.encoders.released import IMAGE_TOWER
from tests.integration.trainers.loop.nursery import Nursery
from tests.integration.trainers.loop.runs import cut_back, said
from tests.unit.trainers.learning.lessons import dataset
from trainers.loop.launcher import RANK
from trainers.loop.progress import Kind
from trainers.recipes.recipe import Recipe

WAYS: dict[str, dict[str, Any]] = {
    "stage 1, with a temperature that is learnt": {"zero_stage": 1, "temperature": {"learnable": True}},
    "stage 3": {"zero_stage": 3},
    "bf16": {"zero_stage": 2, "precision": "bf16"},
}


def begun(folder: Path, **fields: Any) -> Path:
    dataset(folder, triples=8)
    recipe = Recipe.model_validate({"steps": 6, "batch": 8, "side_batch": 4, "clip": 1e3} | fields)
    (folder / "recipe.json").write_text(recipe.model_dump_json())
    return folder


def tower(folder: Path) -> bytes:
    return (folder / "export" / IMAGE_TOWER).read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_going_on_from_a_checkpoint_ends_in_the_same_bits(nursery: Nursery, tmp_path: Path, way: str) -> None:
    folder = begun(tmp_path / "run", **WAYS[way])
    assert nursery.train(folder, every=3, rank=RANK) == [0, 0]
    whole = tower(folder)
    cut_back(folder, 3)
    assert nursery.train(folder, every=3, rank=RANK) == [0, 0]
    assert said(folder, Kind.BEGAN)[-1].step == 3
    assert tower(folder) == whole


def test_two_ranks_learn_what_one_process_does(nursery: Nursery, tmp_path: Path) -> None:
    """All losses, hard negatives and the temperature among them, over the features of all ranks."""
    fields = {"steps": 1, "temperature": {"learnable": True}, "learning_rate": 1e-4}
    one, two = begun(tmp_path / "one", **fields), begun(tmp_path / "two", **fields)
    assert nursery.train(one, ranks=1, rank=RANK) == [0]
    assert nursery.train(two, ranks=2, rank=RANK) == [0, 0]
    [of_one], [of_two] = ((f / "checkpoints").glob("step-*/exp_avg.safetensors") for f in (one, two))
    by_one, by_two = load_file(of_one), load_file(of_two)
    assert "log_scale" in by_one
    for name, gradient in by_one.items():
        torch.testing.assert_close(by_two[name], gradient, rtol=1e-3, atol=1e-6)


def test_a_data_set_that_was_changed_ends_the_run_by_name(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    with (folder / "dataset.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"?")
    assert nursery.train(folder, rank=RANK) != [0, 0]
    assert "dataset.safetensors is not the file that was written" in said(folder, Kind.FAILED)[-1].detail


def test_a_batch_that_the_ranks_cannot_share_ends_the_run_with_the_field(nursery: Nursery, tmp_path: Path) -> None:
    folder = begun(tmp_path / "run", side_batch=1)
    assert nursery.train(folder, rank=RANK) != [0, 0]
    assert "recipe.side_batch = 1 does not divide" in said(folder, Kind.FAILED)[-1].detail

"""How long gradients may be, on real ranks: ours measures and shortens them where DeepSpeed shares them out."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.integration.trainers.loop import clipping
from tests.integration.trainers.loop.nursery import Nursery


@pytest.mark.parametrize("ranks", [1, 2])
def test_gradients_are_shortened_to_the_length_of_the_recipe(nursery: Nursery, tmp_path: Path, ranks: int) -> None:
    assert nursery.train(tmp_path, ranks=ranks, rank=clipping.MODULE) == [0] * ranks
    given = load_file(tmp_path / f"of-{ranks}.safetensors")
    whole = given["long.0"]
    assert whole.norm() > 10 * clipping.SHORT
    for stage in (1, 2):
        torch.testing.assert_close(given[f"long.{stage}"], whole)
        torch.testing.assert_close(given[f"short.{stage}"], whole * clipping.SHORT / whole.norm())
        torch.testing.assert_close(given[f"short.{stage}"], given["short.0"])

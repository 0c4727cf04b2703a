"""Gradients of a loss over the features of all ranks, on real ranks."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from tests.integration.trainers.loop import gathering
from tests.integration.trainers.loop.nursery import Nursery


def test_two_ranks_learn_from_a_batch_what_one_process_does(nursery: Nursery, tmp_path: Path) -> None:
    assert nursery.train(tmp_path, ranks=1, rank=gathering.MODULE) == [0]
    assert nursery.train(tmp_path, ranks=2, rank=gathering.MODULE) == [0, 0]
    one, two = load_file(tmp_path / "of-1.safetensors"), load_file(tmp_path / "of-2.safetensors")
    assert one.keys() == two.keys() > {"loss", "scale", "see.0.weight", "read.weight"}
    for name, gradient in one.items():
        torch.testing.assert_close(two[name], gradient, rtol=1e-5, atol=1e-6)

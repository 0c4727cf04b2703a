"""What DeepSpeed is told, and which weights decay."""

import torch
from torch import nn

from trainers.loop.engine import _groups, _settings
from trainers.recipes.recipe import Recipe


def test_a_batch_is_shared_out_over_ranks_and_parts() -> None:
    settings = _settings(Recipe(batch=64, accumulation=2, zero_stage=2, clip=0.5), ranks=4)
    assert settings["train_batch_size"] == 64
    assert settings["train_micro_batch_size_per_gpu"] == 8
    assert settings["zero_optimization"]["stage"] == 2
    assert settings["gradient_clipping"] == 0.5


def test_norms_biases_and_the_temperature_do_not_decay() -> None:
    layer, norm = nn.Linear(3, 2), nn.GroupNorm(1, 2)
    decaying, still = _groups([*layer.parameters(), *norm.parameters()], decay=0.1)
    assert [weight.shape for weight in decaying["params"]] == [(2, 3)]
    assert [weight.shape for weight in still["params"]] == [(2,)] * 3
    assert (decaying["weight_decay"], still["weight_decay"]) == (0.1, 0.0)


def test_a_weight_of_odd_length_comes_last_so_that_it_shifts_no_other() -> None:
    weights = [nn.Parameter(torch.zeros(size)) for size in (1, 16, 3, 8)]
    [group] = _groups(weights, decay=0.1)
    assert [len(weight) for weight in group["params"]] == [16, 8, 1, 3]


def test_gpus_exchange_gradients_in_larger_parts() -> None:
    on_gpu, here = (_settings(Recipe(), 2, each)["zero_optimization"]["reduce_bucket_size"] for each in (True, False))
    assert on_gpu > here

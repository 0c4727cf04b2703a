"""Two ways to take a step: this project's engine, and plain DistributedDataParallel.

The peer does the same arithmetic by hand: weights and gradients in bf16, a copy of the weights in single precision that
AdamW works on, gradients clipped by their global length, the same rate at each step, the same groups.
"""

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from trainers.loop.engine import Engine, World, _groups
from trainers.recipes.recipe import Precision, Recipe
from trainers.recipes.schedule import rate_share


class Stepping(Protocol):
    """What both sides are."""

    def __call__(self, *inputs: Any) -> Any: ...
    def step(self, losses: Iterator[Tensor]) -> Tensor: ...


def ours(model: nn.Module, recipe: Recipe, world: World, compiled: bool) -> Stepping:
    """The class that a rank of a training run works with."""
    return Engine(model, recipe, world, None, 0, compiled)


class Plain:
    """Nothing of the optimiser's state is shared out; every rank updates all weights."""

    def __init__(self, model: nn.Module, recipe: Recipe, world: World, compiled: bool) -> None:
        for tower in model.children() if compiled else ():
            tower.compile()
        kind = torch.bfloat16 if recipe.precision is Precision.BF16 else torch.float32
        self._weights: list[Tensor] = list(model.to(world.device, kind).parameters())
        self._masters = [weight.detach().float().clone() for weight in self._weights]
        self._gradients = [torch.zeros_like(master) for master in self._masters]
        for master, gradient in zip(self._masters, self._gradients, strict=True):
            master.grad = gradient
        self._recipe, self._step = recipe, 0
        self._adam = torch.optim.AdamW(
            _groups(self._masters, recipe.weight_decay), lr=0.0, fused=world.device.type == "cuda"
        )
        self._ddp = DistributedDataParallel(model, gradient_as_bucket_view=True)

    def __call__(self, *inputs: Any) -> Any:
        return self._ddp(*inputs)

    def step(self, losses: Iterator[Tensor]) -> Tensor:
        """One update from the loss of one whole batch."""
        [loss] = losses
        for group in self._adam.param_groups:
            group["lr"] = self._recipe.learning_rate * rate_share(self._recipe, self._step)
        loss.backward()  # type: ignore[no-untyped-call]
        self._update()
        self._step += 1
        return loss.detach().float()

    @torch.no_grad()
    def _update(self) -> None:
        torch._foreach_copy_(self._gradients, [weight.grad for weight in self._weights if weight.grad is not None])
        nn.utils.clip_grad_norm_(self._masters, self._recipe.clip)
        self._adam.step()
        torch._foreach_copy_(self._weights, self._masters)
        for weight in self._weights:
            weight.grad = None

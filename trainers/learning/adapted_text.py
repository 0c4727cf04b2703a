"""The text tower in training: the frozen network, and beside some of its linear layers a low-rank change that learns.

Each change is a module of its own, called where it is used: engines that share out weights fetch them at that moment.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from models.encoders.text.adapter import Adapter, LowRank, layer_name
from models.encoders.text.bert import Bert, sentence_vectors
from streams.errors import Misconfigured
from trainers.learning.batches.shapes import Texts
from trainers.recipes.recipe import Lora


class LowRankChange(nn.Module):
    """What is added to the output of a linear layer."""

    def __init__(self, change: LowRank, scale: float) -> None:
        super().__init__()
        self.a = nn.Parameter(change.a)
        self.b = nn.Parameter(change.b)
        self.scale = scale

    def forward(self, states: Tensor) -> Tensor:
        return self.scale * nn.functional.linear(nn.functional.linear(states, self.a), self.b)


class AdaptedText(nn.Module):
    """Tokens to unit vectors. The frozen weights are no parameters: they are neither saved nor shared out."""

    def __init__(self, plain: Bert, adapter: Adapter) -> None:
        super().__init__()
        self._plain = plain
        self.scale = adapter.scale
        changes = {_key(name): LowRankChange(change, adapter.scale) for name, change in adapter.layers.items()}
        self.changes = nn.ModuleDict(changes)

    def forward(self, texts: Texts) -> Tensor:
        adapters = {_name(key): change for key, change in self.changes.items()}
        bert = Bert(self._weights_like(next(self.parameters())), self._plain.shape, adapters)
        return sentence_vectors(bert, texts.tokens, texts.real)

    def _weights_like(self, sample: Tensor) -> Mapping[str, Tensor]:
        """The frozen weights on the device and in the precision of those that learn; moved once."""
        some = next(iter(self._plain.weights.values()))
        if (some.device, some.dtype) != (sample.device, sample.dtype):
            moved = {name: weights.to(sample.device, sample.dtype) for name, weights in self._plain.weights.items()}
            self._plain = Bert(moved, self._plain.shape)
        return self._plain.weights


def starting_adapter(plain: Bert, lora: Lora, parent: Adapter | None, seed: int) -> Adapter:
    """The parent's change in the recipe's shape; where it has none, a change that changes nothing yet.

    Raises Misconfigured where the recipe's shape has no room for the parent's.
    """
    names = [layer_name(layer, target) for layer in range(plain.shape.layers) for target in lora.targets]
    known = dict(parent.layers) if parent else {}
    if lost := sorted(known.keys() - set(names)):
        raise Misconfigured(f"lora.targets leaves out {lost[0]}, which the parent's adapter changes")
    scale = lora.alpha / lora.rank
    numbers = np.random.default_rng([seed, 0x10AA])
    layers = {name: _fresh(plain.weights[f"{name}.weight"], lora.rank, numbers) for name in names}
    for name, old in known.items():
        if old.a.shape[0] > lora.rank:
            raise Misconfigured(f"lora.rank = {lora.rank} is below the parent's {old.a.shape[0]}")
        layers[name].a[: old.a.shape[0]] = old.a
        layers[name].b[:, : old.a.shape[0]] = old.b * ((parent.scale if parent else scale) / scale)
    return Adapter(layers, scale)


def adapter_of(scale: float, weights: Mapping[str, Tensor]) -> Adapter:
    """The adapter of learnt weights, by the names that they have inside AdaptedText."""
    keys = sorted({name.split(".")[1] for name in weights})
    changes = {_name(key): LowRank(weights[f"changes.{key}.a"], weights[f"changes.{key}.b"]) for key in keys}
    return Adapter(changes, scale)


def _fresh(weights: Tensor, rank: int, numbers: np.random.Generator) -> LowRank:
    outputs, inputs = weights.shape
    a = (numbers.random((rank, inputs), dtype=np.float32) * 2 - 1) / np.float32(np.sqrt(inputs))
    return LowRank(torch.from_numpy(a), torch.zeros(outputs, rank))


def _key(name: str) -> str:
    """Names of modules have no dots."""
    return name.replace(".", "/")


def _name(key: str) -> str:
    return key.replace("/", ".")

"""A low-rank adapter of the text tower's linear layers (LoRA, Hu et al. 2021): W becomes W + scale · B A.

Merged into the weights where it is loaded, so that an adapted tower costs what the plain one costs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.encoders.text.bert import Weights
from streams.errors import BadRecord

FORMAT = "millrace-text-adapter-1"
"""The one entry of the file's header: several are written in another order each time."""
TARGETS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "attended": "attention.output.dense",
    "inner": "intermediate.dense",
    "outer": "output.dense",
}
"""What may be adapted, by a short name: a linear layer of every transformer layer."""


@dataclass(frozen=True, slots=True)
class LowRank:
    """The change of one linear layer."""

    a: Tensor
    """rank x inputs"""
    b: Tensor
    """outputs x rank"""


@dataclass(frozen=True, slots=True)
class Adapter:
    """Changes by the name of the layer, as in the checkpoint. Immutable once made."""

    layers: Mapping[str, LowRank]
    scale: float

    def merged(self, weights: Weights) -> dict[str, Tensor]:
        """All weights, the adapted ones replaced; the others are shared. Raises BadRecord for another network's."""
        found = dict(weights)
        for name, change in self.layers.items():
            key = f"{name}.weight"
            if key not in weights or weights[key].shape != (change.b.shape[0], change.a.shape[1]):
                raise BadRecord("adapter_foreign", f"the adapter changes {name}, which this text model has not so")
            found[key] = weights[key] + self.scale * (change.b @ change.a)
        return found

    @property
    def digest(self) -> str:
        """SHA-256 over all that decides a vector."""
        digest = sha256(f"{FORMAT} {self.scale!r}".encode())
        for name, weights in sorted(self._tensors().items()):
            digest.update(f"{name} {tuple(weights.shape)}".encode() + weights.numpy().tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """A and B of each layer as safetensors, the scale in its header; equal adapters are equal bytes."""
        save_file(self._tensors(), path, metadata={FORMAT: repr(self.scale)})

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote. Raises BadRecord("adapter_unreadable")."""
        try:
            with safe_open(path, framework="pt") as file:
                scale = float((file.metadata() or {})[FORMAT])
            tensors = load_file(path)
            names = sorted({name.rpartition(".")[0] for name in tensors})
            layers = {name: _low_rank(tensors[f"{name}.a"], tensors[f"{name}.b"]) for name in names}
            return cls(layers, scale)
        except (OSError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
            raise BadRecord("adapter_unreadable", f"{path.name} is no text adapter: {error}") from error

    def _tensors(self) -> dict[str, Tensor]:
        pairs = ((name, part, getattr(change, part)) for name, change in self.layers.items() for part in ("a", "b"))
        return {f"{name}.{part}": weights.detach().contiguous() for name, part, weights in pairs}


def layer_name(layer: int, target: str) -> str:
    """A target's name in the checkpoint."""
    return f"encoder.layer.{layer}.{TARGETS[target]}"


def _low_rank(a: Tensor, b: Tensor) -> LowRank:
    if a.dtype != torch.float32 or b.dtype != torch.float32 or a.ndim != 2 or b.ndim != 2 or a.shape[0] != b.shape[1]:
        raise ValueError("A and B do not belong together")
    return LowRank(a, b)

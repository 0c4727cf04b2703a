"""The picture tower: a small residual ConvNet with a projection into the text tower's space.

Some hundred labels train no vision transformer, but they train this (361,000 weights) against the frozen text tower.
Group normalisation instead of batch normalisation: it computes the same in training, on any number of ranks, and here.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from math import sqrt
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.encoders.config import EncoderConfig
from models.encoders.pictures import pixels
from models.encoders.port import Vectors
from streams.errors import Misconfigured

FORMAT = "millrace-image-tower-1"
"""The one entry of the file's header: several are written in another order each time."""

_WIDTHS = (32, 64, 128)
_GROUPS = 8


class PictureNet(nn.Module):
    """Pictures (batch x 3 x side x side, values in -1..1) to unit vectors. Any side from 16 pixels works."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        first = _WIDTHS[0]
        self.stem = nn.Sequential(*_conv_norm(3, first, kernel=7, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1))
        widths = zip((first, *_WIDTHS), _WIDTHS, strict=False)
        self.blocks = nn.Sequential(*(ResidualBlock(before, after) for before, after in widths))
        self.projection = nn.Linear(_WIDTHS[-1], dim)

    def forward(self, pictures: Tensor) -> Tensor:
        features = self.blocks(self.stem(pictures)).mean(dim=(2, 3))
        return nn.functional.normalize(self.projection(features), dim=1)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut; where the width grows, the sides are halved."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        stride = 1 if before == after else 2
        self.inner = nn.Sequential(
            *_conv_norm(before, after, kernel=3, stride=stride),
            nn.ReLU(),
            *_conv_norm(after, after, kernel=3, stride=1),
        )
        shortcut = () if before == after else _conv_norm(before, after, kernel=1, stride=stride)
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.relu(self.inner(features) + self.shortcut(features))


class ImageTower:
    """A PictureNet with what it must know about its input."""

    def __init__(self, network: PictureNet, side_px: int, trained: bool, config: EncoderConfig) -> None:
        self._network = network.eval()
        self.side_px = side_px
        self._config = config
        self.trained = trained

    @classmethod
    def seeded(cls, dim: int, config: EncoderConfig) -> Self:
        """Untrained: weights from `config.image_seed`, the same on every machine."""
        with torch.device("meta"):
            network = PictureNet(dim)
        network.load_state_dict(seeded_weights(network, config.image_seed), assign=True)
        return cls(network, config.image_side_px, trained=False, config=config)

    @classmethod
    def load(cls, path: Path, dim: int, config: EncoderConfig) -> Self:
        """What `save` wrote; the file says side and training state. Raises Misconfigured."""
        try:
            with safe_open(path, framework="pt") as file:
                facts = json.loads((file.metadata() or {})[FORMAT])
            with torch.device("meta"):
                network = PictureNet(dim)
            network.load_state_dict(load_file(path), assign=True)
            return cls(network, int(facts["side_px"]), bool(facts["trained"]), config)
        except (OSError, SafetensorError, RuntimeError, KeyError, ValueError) as error:
            raise Misconfigured(f"encoder.image_weights = {path}: not weights of this tower: {error}") from error

    def save(self, path: Path) -> None:
        """Weights as safetensors, with side and training state in its header; equal towers are equal bytes."""
        facts = json.dumps({"side_px": self.side_px, "trained": self.trained})
        save_file(self.weights, path, metadata={FORMAT: facts})

    @property
    def weights(self) -> dict[str, Tensor]:
        """By name, as in the file."""
        return self._network.state_dict()

    @property
    def digest(self) -> str:
        """SHA-256 over everything that decides a vector: weights by name, and the side of the square."""
        digest = sha256(f"squeezed to {self.side_px} px".encode())
        for name, weights in sorted(self.weights.items()):
            digest.update(name.encode() + weights.numpy().tobytes())
        return digest.hexdigest()

    def encode(self, images: Sequence[bytes]) -> Vectors:
        """Vectors in the order of the pictures. Raises BadRecord if one of them cannot be decoded."""
        vectors = np.empty((len(images), self._network.projection.out_features), dtype=np.float32)
        size = self._config.batch_images
        for start in range(0, len(images), size):
            vectors[start : start + size] = self._encode_batch(images[start : start + size])
        return vectors

    @torch.inference_mode()
    def _encode_batch(self, images: Sequence[bytes]) -> Vectors:
        limit = self._config.max_image_pixels
        squares = np.stack([pixels(content, self.side_px, limit) for content in images])
        return np.asarray(self._network(levels(torch.from_numpy(squares))).numpy(), dtype=np.float32)


def levels(squares: Tensor) -> Tensor:
    """Pictures as decoded (batch x side x side x 3, bytes) to what the network reads."""
    return squares.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1


def _conv_norm(before: int, after: int, kernel: int, stride: int) -> tuple[nn.Module, nn.Module]:
    conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    return conv, nn.GroupNorm(_GROUPS, after)


def seeded_weights(network: nn.Module, seed: int) -> dict[str, Tensor]:
    """He's uniform start. Drawn by NumPy, since torch's draws differ in the last bits between processors."""
    numbers = np.random.default_rng(seed)
    return {name: _start(tuple(weights.shape), name, numbers) for name, weights in network.state_dict().items()}


def _start(shape: tuple[int, ...], name: str, numbers: np.random.Generator) -> Tensor:
    if len(shape) == 1:
        return torch.full(shape, 1.0 if name.endswith("weight") else 0.0)
    bound = sqrt(6 / int(np.prod(shape[1:])))
    return torch.from_numpy((numbers.random(shape, dtype=np.float32) * 2 - 1) * np.float32(bound))

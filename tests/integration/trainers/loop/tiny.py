"""A lesson of some thousand weights, learnt in seconds: `python -m tests.integration.trainers.loop.tiny` is a rank."""

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from trainers.loop import rank
from trainers.loop.engine import World
from trainers.loop.gather import gathered
from trainers.recipes.recipe import Precision, Recipe

MODULE = "tests.integration.trainers.loop.tiny"
ITEMS, SEEN, SAID, DIM = 96, 24, 17, 16


class Towers(nn.Module):
    """Two towers with an odd number of weights, a scale, a weight that does not learn, and a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(nn.Linear(SEEN, 33), nn.GELU(), nn.Linear(33, DIM))
        self.read = nn.Linear(SAID, DIM)
        self.scale = nn.Parameter(torch.tensor([2.0]))
        self.frozen = nn.Parameter(torch.ones(DIM), requires_grad=False)
        self.register_buffer("shift", torch.full((DIM,), 0.25))

    def forward(self, seen: Tensor, said: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        images = functional.normalize(self.see(seen) * self.frozen + self.shift, dim=1)
        return images, functional.normalize(self.read(said), dim=1), self.scale.exp()


class TinyLesson:
    """Pairs of noise, in an order that depends on the step alone.

    A file `nan` in the folder spoils the loss, a file `slow` makes steps take a while.
    """

    def __init__(self, folder: Path) -> None:
        text = (folder / "recipe.json").read_bytes()
        self.sha256 = hashlib.sha256(text).hexdigest()
        self.recipe = Recipe.model_validate_json(text)
        self.model = self._fresh()
        noise = torch.Generator().manual_seed(7)
        self._spoilt = (folder / "nan").exists()
        self._slow = (folder / "slow").exists()
        self._seen = torch.randn(ITEMS, SEEN, generator=noise)
        self._said = torch.randn(ITEMS, SAID, generator=noise)

    def loss(self, forward: Callable[..., Any], step: int, micro: int, world: World) -> Tensor:
        if self._slow:
            time.sleep(0.02)
        chosen = self._chosen(step, micro)
        mine = chosen.chunk(world.size)[world.rank]
        kind = torch.bfloat16 if self.recipe.precision is Precision.BF16 else torch.float32
        images, texts, scale = forward(self._seen[mine].to(kind), self._said[mine].to(kind))
        scores = gathered(images).float() @ gathered(texts).float().T * scale.float()
        return functional.cross_entropy(scores, torch.arange(len(chosen))) * (float("nan") if self._spoilt else 1.0)

    def export(self, weights: Mapping[str, Tensor], folder: Path) -> Sequence[Path]:
        model = self._fresh()
        model.load_state_dict(dict(weights), strict=False)
        file = folder / "towers.safetensors"
        save_file(model.state_dict(), file)
        return (file,)

    def _fresh(self) -> Towers:
        with torch.random.fork_rng():
            torch.manual_seed(self.recipe.seed)
            return Towers()

    def _chosen(self, step: int, micro: int) -> Tensor:
        order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + step))
        size = self.recipe.batch // self.recipe.accumulation
        return order[micro * size : (micro + 1) * size]


if __name__ == "__main__":
    rank.main(TinyLesson)

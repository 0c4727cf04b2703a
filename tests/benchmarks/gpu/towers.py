"""Two transformers of well-known shapes with random weights, and a batch of noise: what contrastive training costs.

No dropout, as usual where pictures and texts are learnt together. The loss is the project's own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.learning.batches.shapes import Batch, Features, PairBatch, PairFeatures, Texts, mapped
from trainers.learning.objective import loss
from trainers.loop.engine import World
from trainers.loop.gather import gathered
from trainers.recipes.recipe import Recipe

DIM = 512
SEED = 5


@dataclass(frozen=True, slots=True)
class Shape:
    """Of both transformers."""

    layers: int
    width: int
    heads: int
    inner: int
    side_px: int
    patch_px: int
    text_tokens: int
    words: int

    @property
    def patches(self) -> int:
        return int((self.side_px // self.patch_px) ** 2)

    @property
    def tokens(self) -> int:
        """Of a picture, one of them the class token, and its text."""
        return self.patches + 1 + self.text_tokens


def base(text_tokens: int) -> Shape:
    """ViT-B/16 at 224 px and BERT-base."""
    return Shape(12, 768, 12, 3072, 224, 16, text_tokens, 30_522)


def tiny(text_tokens: int) -> Shape:
    """Shows on a processor that everything runs."""
    return Shape(2, 32, 2, 64, 32, 16, text_tokens, 100)


class Layer(nn.Module):
    """Attention and two linear layers, normed before each as in ViT or after each as in BERT."""

    def __init__(self, shape: Shape, norm_first: bool) -> None:
        super().__init__()
        self.heads, self.norm_first = shape.heads, norm_first
        self.attention_norm, self.inner_norm = nn.LayerNorm(shape.width), nn.LayerNorm(shape.width)
        self.attended, self.attending = nn.Linear(shape.width, 3 * shape.width), nn.Linear(shape.width, shape.width)
        self.inner, self.outer = nn.Linear(shape.width, shape.inner), nn.Linear(shape.inner, shape.width)

    def forward(self, tokens: Tensor) -> Tensor:
        if self.norm_first:
            tokens = tokens + self._attention(self.attention_norm(tokens))
            return tokens + self._inner(self.inner_norm(tokens))
        tokens = self.attention_norm(tokens + self._attention(tokens))
        return cast(Tensor, self.inner_norm(tokens + self._inner(tokens)))

    def _attention(self, tokens: Tensor) -> Tensor:
        parts = self.attended(tokens).chunk(3, dim=2)
        heads = (each.unflatten(2, (self.heads, -1)).transpose(1, 2) for each in parts)
        mixed = F.scaled_dot_product_attention(*heads)
        return cast(Tensor, self.attending(mixed.transpose(1, 2).flatten(2)))

    def _inner(self, tokens: Tensor) -> Tensor:
        return cast(Tensor, self.outer(F.gelu(self.inner(tokens))))


class PictureTower(nn.Module):
    """ViT. A convolution whose squares do not overlap is a linear layer, and faster as one."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.side_px = shape.patch_px
        self.patches = nn.Linear(3 * shape.patch_px**2, shape.width)
        self.first = nn.Parameter(0.02 * torch.randn(1, 1, shape.width))
        self.places = nn.Parameter(0.02 * torch.randn(1, shape.patches + 1, shape.width))
        self.layers = nn.Sequential(*(Layer(shape, norm_first=True) for _ in range(shape.layers)))
        self.norm = nn.LayerNorm(shape.width)
        self.projection = nn.Linear(shape.width, DIM, bias=False)

    def forward(self, pictures: Tensor) -> Tensor:
        squares = pictures.unfold(2, self.side_px, self.side_px).unfold(3, self.side_px, self.side_px)
        patches = self.patches(squares.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2))
        tokens = torch.cat([self.first.expand(len(patches), -1, -1), patches], dim=1) + self.places
        return cast(Tensor, self.projection(self.norm(self.layers(tokens)).mean(dim=1)))


class TextTower(nn.Module):
    """BERT, of one segment."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.words, shape.width)
        self.places = nn.Parameter(0.02 * torch.randn(1, shape.text_tokens, shape.width))
        self.norm = nn.LayerNorm(shape.width)
        self.layers = nn.Sequential(*(Layer(shape, norm_first=False) for _ in range(shape.layers)))
        self.projection = nn.Linear(shape.width, DIM, bias=False)
        nn.init.normal_(self.words.weight, std=0.02)

    def forward(self, words: Tensor) -> Tensor:
        tokens = self.layers(self.norm(self.words(words) + self.places))
        return cast(Tensor, self.projection(tokens.mean(dim=1)))


class Towers(nn.Module):
    """Both, and the temperature."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.pictures, self.texts = PictureTower(shape), TextTower(shape)
        self.log_scale = nn.Parameter(torch.full((1,), 2.0))

    def forward(self, batch: Batch) -> Features:
        pairs = batch.pairs
        assert pairs is not None
        seen = self.pictures(pairs.pictures.to(self.pictures.first.dtype))
        vectors = (seen, self.texts(pairs.texts.tokens))
        images, texts = (F.normalize(each.float(), dim=1) for each in vectors)
        return Features(self.log_scale.float().exp(), PairFeatures(images, texts, *pairs[2:]))


@dataclass(frozen=True)
class Noise:
    """A lesson that teaches nothing: the same random pictures and tokens at each step, already on the device."""

    recipe: Recipe
    model: Towers
    batch: Batch

    @property
    def sha256(self) -> str:
        return "0" * 64

    def loss(self, forward: Callable[..., Any], step: int, micro: int, world: World) -> Tensor:
        return loss(mapped(forward(self.batch), gathered), self.recipe)

    def export(self, weights: Mapping[str, Tensor], folder: Path) -> Sequence[Path]:
        return ()


def noise(shape: Shape, recipe: Recipe, world: World) -> Noise:
    """The same weights on all ranks, other pairs on each."""
    with torch.device(world.device):
        torch.manual_seed(SEED)
        towers = Towers(shape)
        torch.manual_seed(SEED + 1 + world.rank)
        return Noise(recipe, towers, _batch(shape, recipe.batch // world.size, world))


def _batch(shape: Shape, size: int, world: World) -> Batch:
    ids = torch.arange(size) + size * world.rank
    tokens = torch.randint(shape.words, (size, shape.text_tokens))
    texts = Texts(torch.zeros(size, 0), tokens, torch.ones_like(tokens, dtype=torch.bool))
    pictures = torch.randn(size, 3, shape.side_px, shape.side_px).to(torch.bfloat16)
    none = torch.full_like(ids, -1)
    return Batch(PairBatch(pictures, texts, ids, ids, none, none, torch.ones(size)))

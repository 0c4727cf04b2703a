"""One rank's part of a step. Any number of ranks sees the same step, each item in the same way."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from streams.errors import Misconfigured
from trainers.learning.batches.augmentation import NUMBERS, augmented
from trainers.learning.batches.drawing import Places, numbers, places_of
from trainers.learning.batches.shapes import Batch, ClassBatch, Items, NegativeBatch, PairBatch, Texts
from trainers.learning.data.dataset import Dataset
from trainers.recipes.recipe import Recipe


def require_divisible(recipe: Recipe, world: int) -> None:
    """Raises Misconfigured where the ranks could not have equal parts: losses over all of them would not be right."""
    for name in ("batch", "side_batch"):
        if getattr(recipe, name) % (recipe.accumulation * world):
            parts = f"{recipe.accumulation} parts x {world} ranks"
            raise Misconfigured(f"recipe.{name} = {getattr(recipe, name)} does not divide by {parts}")


def batch_at(dataset: Dataset, recipe: Recipe, step: int, micro: int, rank: int, world: int) -> Batch:
    """What a rank computes in part `micro` of a step. Steps, parts and ranks count from 0."""
    require_divisible(recipe, world)
    own = _Own(dataset, recipe, step, micro, rank, world)
    return Batch(
        own.pairs() if dataset.size("pairs") else None,
        own.classed() if dataset.size("classed") else None,
        own.negatives() if dataset.size("triples") else None,
        own.kept() if dataset.size("kept") else None,
    )


class _Own:
    """A rank's slice of the global batch, of each kind."""

    def __init__(self, dataset: Dataset, recipe: Recipe, step: int, micro: int, rank: int, world: int) -> None:
        self._dataset = dataset
        self._recipe = recipe
        self._step = step
        self._part = micro * world + rank
        self._parts = recipe.accumulation * world

    def pairs(self) -> PairBatch:
        places = self._places("pairs")
        return PairBatch(
            self._pictures("pairs", "pairs.picture", places),
            self._texts("pairs.text", places),
            *(self._tensor(f"pairs.{name}", places) for name in ("text", "item", "class", "task", "weight")),
        )

    def classed(self) -> ClassBatch:
        places = self._places("classed")
        columns = (self._tensor(f"classed.{name}", places) for name in ("item", "class", "task", "weight"))
        return ClassBatch(self._texts("classed.text", places), *columns)

    def negatives(self) -> NegativeBatch:
        places = self._places("triples")
        columns = ("triples.query", "triples.positive.item", "triples.negative.item", "triples.weight")
        return NegativeBatch(
            self._texts("triples.query", places),
            self._items("triples.positive", places),
            self._items("triples.negative", places),
            *(self._tensor(name, places) for name in columns),
        )

    def kept(self) -> Texts:
        return self._texts("kept.text", self._places("kept"))

    def _items(self, name: str, places: Places) -> Items:
        pictured = self._tensor(f"{name}.picture", places) >= 0
        pictures = self._pictures(name, f"{name}.picture", places)
        return Items(pictures, self._texts(f"{name}.text", places), pictured.to(torch.int64))

    def _places(self, kind: str) -> Places:
        return self._slice(places_of(self._dataset, self._recipe, kind, self._step))

    def _slice(self, whole: NDArray[Any]) -> NDArray[Any]:
        size = len(whole) // self._parts
        return np.asarray(whole[self._part * size : (self._part + 1) * size])

    def _tensor(self, name: str, places: Places) -> Tensor:
        return torch.from_numpy(self._dataset.column(name, places))

    def _pictures(self, kind: str, name: str, places: Places) -> Tensor:
        draws = numbers(self._recipe.seed, "picture", kind, self._step).random((len(places) * self._parts, NUMBERS))
        seen = np.maximum(self._dataset.column(name, places), 0)
        squares = self._dataset.column("pixels", seen)
        return torch.from_numpy(augmented(squares, self._slice(draws), self._recipe.augmentation))

    def _texts(self, name: str, places: Places) -> Texts:
        read = np.maximum(self._dataset.column(name, places), 0)
        vectors = self._tensor("texts.vector", read)
        if "texts.tokens" not in self._dataset.columns:
            none = torch.zeros((len(read), 0), dtype=torch.int64)
            return Texts(vectors, none, none.to(torch.bool))
        lengths = self._dataset.column("texts.length", read)
        tokens = self._dataset.column("texts.tokens", read)[:, : lengths.max()].astype(np.int64)
        return Texts(vectors, torch.from_numpy(tokens), torch.from_numpy(np.arange(tokens.shape[1]) < lengths[:, None]))

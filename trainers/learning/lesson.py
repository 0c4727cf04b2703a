"""A run as the loop sees it: a model, a loss by step, and files at the end. All of it lies in the run's folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from pydantic import ValidationError
from torch import Tensor

from streams.errors import BadRecord
from trainers.learning.batches.batching import batch_at
from trainers.learning.batches.shapes import Features, mapped
from trainers.learning.data.dataset import Dataset, open_dataset
from trainers.learning.objective import loss
from trainers.learning.trainee import Trainee, build, export
from trainers.loop.gather import gathered
from trainers.recipes.hashes import recipe_sha256
from trainers.recipes.recipe import Recipe

RECIPE = "recipe.json"


class World(Protocol):
    """The ranks that train together, seen by one of them."""

    @property
    def rank(self) -> int: ...
    @property
    def size(self) -> int: ...
    @property
    def device(self) -> torch.device: ...


@dataclass(frozen=True)
class Lesson:
    """What is learnt from a data set by a recipe."""

    recipe: Recipe
    dataset: Dataset
    model: Trainee

    @property
    def sha256(self) -> str:
        """Of recipe and data set, the parent's files among it: all that decides what comes out, but for rounding."""
        return sha256(f"{recipe_sha256(self.recipe)} {self.dataset.sha256}".encode()).hexdigest()

    def loss(self, forward: Callable[..., Any], step: int, micro: int, world: World) -> Tensor:
        """Of all ranks' items, equal on all of them."""
        batch = batch_at(self.dataset, self.recipe, step, micro, world.rank, world.size)
        own = cast(Features, forward(mapped(batch, lambda each: each.to(world.device))))
        return loss(mapped(own, gathered), self.recipe)

    def export(self, weights: Mapping[str, Tensor], folder: Path) -> Sequence[Path]:
        """Writes the trained towers."""
        return export(self.model, folder, weights)


def lesson_of(folder: Path) -> Lesson:
    """The recipe and the data set that lie there. Raises BadRecord, which names the file."""
    try:
        recipe = Recipe.model_validate_json((folder / RECIPE).read_bytes())
    except (OSError, ValidationError) as error:
        raise BadRecord("recipe_unreadable", f"{RECIPE}: {error}") from error
    dataset = open_dataset(folder)
    return Lesson(recipe, dataset, build(recipe, dataset))

"""One training run in this process: the step of a rank, without other ranks and without DeepSpeed.

Batches, losses and schedule are the project's own functions of step and seed, and the optimiser has the rank's groups.
With one rank the gathering of features changes nothing, so this computes what a rank of one would; that several ranks
learn what one does is tested where ranks are.
"""

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor

from models.encoders.mini import MillraceMini
from streams.media.store import MediaStore
from trainers.learning.batches.batching import batch_at
from trainers.learning.data.dataset import Dataset, open_dataset
from trainers.learning.data.materialise import materialise
from trainers.learning.objective import loss
from trainers.learning.trainee import Trainee, build, export
from trainers.recipes.recipe import Recipe
from trainers.recipes.schedule import rate_share
from trainers.snapshots.manifest import Manifest


def prepared(manifest: Manifest, recipe: Recipe, media: MediaStore, parent: MillraceMini, folder: Path) -> Dataset:
    """The data set that a job would freeze, in the folder."""
    return open_dataset(materialise(manifest, recipe, media, parent, (), folder))


def trained(dataset: Dataset, recipe: Recipe, folder: Path) -> dict[str, Path]:
    """Trains from the data set's parent; the files of the new model by name."""
    trainee = build(recipe, dataset)
    learn(trainee, dataset, recipe)
    return {path.name: path for path in export(trainee, folder)}


def learn(trainee: Trainee, dataset: Dataset, recipe: Recipe) -> None:
    """All steps, in place."""
    weights = [weight for weight in trainee.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(_groups(weights, recipe.weight_decay))
    for step in range(recipe.steps):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * rate_share(recipe, step)
        _step(trainee, dataset, recipe, step)
        torch.nn.utils.clip_grad_norm_(weights, recipe.clip)
        optimizer.step()
        optimizer.zero_grad()


def _step(trainee: Trainee, dataset: Dataset, recipe: Recipe, step: int) -> None:
    """Gradients of all parts of a step."""
    for micro in range(recipe.accumulation):
        found = loss(trainee(batch_at(dataset, recipe, step, micro, 0, 1)), recipe) / recipe.accumulation
        found.backward()  # type: ignore[no-untyped-call]


def _groups(weights: Iterable[Tensor], decay: float) -> list[dict[str, object]]:
    """As the engine has them: vectors and single numbers do not decay."""
    every = list(weights)
    matrices = [weight for weight in every if weight.dim() > 1]
    vectors = [weight for weight in every if weight.dim() < 2]
    groups: list[dict[str, object]] = [
        {"params": matrices, "weight_decay": decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]

"""The learning loop without an engine: one process, the recipe's schedule."""

import torch

from trainers.learning.batches.batching import batch_at
from trainers.learning.data.dataset import Dataset
from trainers.learning.objective import loss
from trainers.learning.trainee import Trainee
from trainers.recipes.recipe import Recipe
from trainers.recipes.schedule import rate_share


def learn(trainee: Trainee, dataset: Dataset, recipe: Recipe) -> list[float]:
    """Trains in place; the loss of each step."""
    optimizer = torch.optim.AdamW(trainee.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_share(recipe, step))
    losses = []
    for step in range(recipe.steps):
        found = loss(trainee(batch_at(dataset, recipe, step, 0, 0, 1)), recipe)
        found.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trainee.parameters(), recipe.clip)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        losses.append(found.item())
    return losses

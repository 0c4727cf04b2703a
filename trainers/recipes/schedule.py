"""The learning rate over a run."""

from math import cos, pi

from trainers.recipes.recipe import Recipe


def rate_share(recipe: Recipe, step: int) -> float:
    """Share of the learning rate for the update of this step, counted from 0: a rise, then a cosine to its floor."""
    rise = round(recipe.warm_up * recipe.steps)
    if step < rise:
        return (step + 1) / (rise + 1)
    way = min(1.0, (step - rise) / max(1, recipe.steps - 1 - rise))
    return recipe.cosine_floor + (1 - recipe.cosine_floor) * (1 + cos(pi * way)) / 2

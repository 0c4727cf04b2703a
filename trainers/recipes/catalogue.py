"""The recipes there are: each a function, a variant changes fields of another."""

from collections.abc import Callable

from trainers.recipes.head import HeadRecipe
from trainers.recipes.recipe import Lora, Objective, Recipe

AnyRecipe = Recipe | HeadRecipe


def default() -> Recipe:
    """Locked-text tuning: the picture tower learns to see what the text tower reads."""
    return Recipe()


def text_lora() -> Recipe:
    """The text tower learns the tasks' classes by an adapter, and the picture tower follows it."""
    return default().model_copy(
        update={
            "objective": Objective(supervised=1.0, retention=1.0),
            "lora": Lora(rank=8),
        }
    )


def smoke() -> Recipe:
    """Four small steps: shows that a deployment can train, and teaches nothing."""
    return default().model_copy(update={"steps": 4, "batch": 8, "side_batch": 4})


def head() -> HeadRecipe:
    """Heads on the encoder that serves: class probabilities from the labels of now. Nothing is embedded anew."""
    return HeadRecipe()


RECIPES: dict[str, Callable[[], AnyRecipe]] = {"default": default, "text-lora": text_lora, "smoke": smoke, "head": head}
"""By name."""

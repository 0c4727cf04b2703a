"""Names of recipes and runs: equal contents, equal names, on every machine."""

import json
from hashlib import sha256

from trainers.recipes.catalogue import AnyRecipe
from trainers.recipes.recipe import Recipe


def recipe_sha256(recipe: AnyRecipe) -> str:
    """Of the recipe with all its fields, in canonical JSON."""
    return _sha256(recipe.model_dump(mode="json"))


def run_sha256(
    recipe: Recipe,
    snapshot_sha256: str,
    parent_version: str,
    dataset_sha256: str,
    ranks: int,
    threads: int,
    compiled: bool = False,
) -> str:
    """Of all that decides a run's weights, down to the last bit on one machine."""
    facts = {
        "recipe": recipe_sha256(recipe),
        "snapshot": snapshot_sha256,
        "parent": parent_version,
        "dataset": dataset_sha256,
        "ranks": ranks,
        "threads": threads,
    }
    return _sha256(facts | ({"compiled": True} if compiled else {}))


def _sha256(facts: object) -> str:
    return sha256(json.dumps(facts, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()

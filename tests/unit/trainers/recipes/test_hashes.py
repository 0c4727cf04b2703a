import pytest

from trainers.recipes.hashes import recipe_sha256, run_sha256
from trainers.recipes.head import HeadRecipe
from trainers.recipes.overrides import resolved
from trainers.recipes.recipe import Recipe

RUN = ("a" * 64, "millrace-mini-1", "b" * 64, 2, 1)


def test_the_hash_of_the_default_recipe_is_a_promise() -> None:
    assert recipe_sha256(resolved("default")) == "2741eda50f52ab44d1b5ff6230acccf813e910821dffb7cd2421206a559f5c63"


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("text-lora", "225e5d5f03d6782c94316aee24e853324e187d4ae0a50a0ab4ac79b819fd954e"),
        ("smoke", "aaec53c96981df0951b2e87fc60c1c9c3bcaf377daa0cb6ef9994b5a45650726"),
        ("head", "ad6007ebdfde34a9e011ed7b3abb107a63546f87156db4f9e8e291288f557de6"),
    ],
)
def test_so_are_those_of_the_others(name: str, digest: str) -> None:
    assert recipe_sha256(resolved(name)) == digest


@pytest.mark.parametrize("name", HeadRecipe.model_fields)
def test_every_field_of_a_recipe_for_heads_changes_its_hash(name: str) -> None:
    assert recipe_sha256(resolved("head", {name: 11})) != recipe_sha256(resolved("head"))


def test_the_hash_does_not_depend_on_how_a_value_was_written() -> None:
    written = resolved("default", {"steps": 200, "clip": 1, "learning_rate": "1e-3"})
    assert recipe_sha256(written) == recipe_sha256(resolved("default"))


@pytest.mark.parametrize("name", Recipe.model_fields)
def test_every_field_changes_the_hash(name: str) -> None:
    others = {
        "objective": {"contrastive": 0.5},
        "temperature": {"init": 0.1},
        "precision": "bf16",
        "start": "seed",
        "picture_tower": False,
        "lora": {"rank": 2},
        "augmentation": {"flip": True},
        "zero_stage": 2,
        "accumulation": 2,
        "replay": 0.5,
        "warm_up": 0.2,
        "cosine_floor": 0.2,
        "weight_decay": 0.2,
        "learning_rate": 0.2,
    }
    before = resolved("text-lora")
    assert recipe_sha256(resolved("text-lora", {name: others.get(name, 128)})) != recipe_sha256(before)


def test_the_same_run_has_the_same_name() -> None:
    assert run_sha256(Recipe(), *RUN) == run_sha256(Recipe(), *RUN)


def test_a_compiled_run_has_a_name_of_its_own() -> None:
    assert run_sha256(Recipe(), *RUN, compiled=True) != run_sha256(Recipe(), *RUN)


@pytest.mark.parametrize("place", range(5))
def test_whatever_a_run_depends_on_changes_its_name(place: int) -> None:
    other = ("c" * 64, "millrace-mini-2", "d" * 64, 1, 2)
    changed = (*RUN[:place], other[place], *RUN[place + 1 :])
    assert run_sha256(Recipe(), *changed) != run_sha256(Recipe(), *RUN)  # type: ignore[arg-type]

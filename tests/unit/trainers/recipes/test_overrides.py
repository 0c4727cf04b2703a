import pytest
from pydantic import BaseModel, JsonValue

from models.encoders.text.adapter import TARGETS
from streams.errors import Misconfigured
from trainers.recipes.catalogue import RECIPES
from trainers.recipes.head import HeadRecipe
from trainers.recipes.overrides import overrides_from_words, overrides_from_yaml, resolved
from trainers.recipes.recipe import Lora, Recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_valid_as_it_stands(name: str) -> None:
    assert resolved(name) == RECIPES[name]()


def test_every_field_has_a_sentence() -> None:
    undocumented = [
        f"{part.__name__}.{name}"
        for part in (Recipe, HeadRecipe, *(type(value) for _, value in Recipe() if isinstance(value, BaseModel)))
        for name, field in part.model_fields.items()
        if not field.description
    ]
    assert undocumented == []


def test_a_nested_override_leaves_its_neighbours_alone() -> None:
    recipe = resolved("default", {"lora": {"rank": 4}, "steps": 7})
    assert (recipe.lora.rank, recipe.lora.alpha, recipe.steps) == (4, Lora().alpha, 7)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"stepps": 3}, "stepps"),
        ({"lora": {"rnak": 3}}, "lora.rnak"),
        ({"steps": 0}, "steps"),
        ({"objective": {"contrastive": -1}}, "objective.contrastive"),
        ({"zero_stage": 4}, "zero_stage"),
        ({"precision": "fp16"}, "precision"),
        ({"lora": 3}, "lora"),
        ({"lora": {"targets": ["query", "pooler"]}}, "lora.targets.1"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"batch": 10, "accumulation": 4, "side_batch": 4}, "batch"),
        ({"picture_tower": False}, "picture_tower"),
        ({"ranks": 2}, "ranks"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_override_is_refused_with_its_field_named(overrides: dict[str, JsonValue], field: str) -> None:
    with pytest.raises(Misconfigured, match=f"recipe default: {field}"):
        resolved("default", overrides)


@pytest.mark.parametrize(
    ("overrides", "field"),
    [
        ({"inverse_penalty": 0}, "inverse_penalty"),
        ({"folds": 1}, "folds"),
        ({"foldss": 3}, "foldss"),
        ({"steps": 400}, "steps"),
        ({"lora": {"rank": 8}}, "lora"),
        ({"max_items": float("inf")}, "max_items"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_recipe_for_heads_refuses_what_it_does_not_have_by_name(overrides: dict[str, JsonValue], field: str) -> None:
    with pytest.raises(Misconfigured, match=f"recipe head: {field}"):
        resolved("head", overrides)


def test_a_recipe_for_encoders_refuses_fields_of_one_for_heads() -> None:
    with pytest.raises(Misconfigured, match="recipe default: folds"):
        resolved("default", {"folds": 3})


def test_a_recipe_for_heads_takes_fields_from_yaml() -> None:
    assert resolved("head", overrides_from_yaml("inverse_penalty: 2\nfolds: 3\n")) == HeadRecipe(
        inverse_penalty=2.0, folds=3
    )


def test_an_unknown_recipe_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Misconfigured, match="no recipe 'defualt'; there are default"):
        resolved("defualt")


def test_words_of_a_command_line_nest_by_their_dots() -> None:
    words = ["steps=20", "lora.rank=8", "lora.targets=[query]", "learning_rate=1e-3"]
    found = overrides_from_words(words)
    assert found == {"steps": 20, "lora": {"rank": 8, "targets": ["query"]}, "learning_rate": "1e-3"}
    assert resolved("default", found).learning_rate == 1e-3


@pytest.mark.parametrize("word", ["steps", "=3", "lora..rank=3", "steps=[1", "lora.=1"])
def test_a_word_that_is_no_field_with_a_value_is_refused(word: str) -> None:
    with pytest.raises(Misconfigured):
        overrides_from_words([word])


@pytest.mark.parametrize("text", ["- 1", "3", "a: [", "1: 2", "!!python/object:os.system {}", "a: " + "x" * 70_000])
def test_yaml_that_is_no_field_with_a_value_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        overrides_from_yaml(text)


def test_empty_yaml_overrides_nothing() -> None:
    assert overrides_from_yaml("# nothing\n") == {}


def test_a_recipe_may_adapt_what_an_adapter_can_change() -> None:
    assert Lora(targets=tuple(TARGETS)).targets == tuple(TARGETS)  # type: ignore[arg-type]

"""A recipe with some of its fields set otherwise: from requests, from YAML, from words of a command line."""

from collections.abc import Iterable, Mapping
from typing import cast

import yaml
from pydantic import JsonValue, ValidationError

from streams.errors import Misconfigured
from trainers.recipes.catalogue import RECIPES, AnyRecipe

Overrides = Mapping[str, JsonValue]
"""Nested as the recipe is; whatever is not named stays."""

_MAX_YAML_CHARS = 65_536


def resolved(name: str, overrides: Overrides | None = None) -> AnyRecipe:
    """The named recipe with these fields set otherwise. Raises Misconfigured, which names the field."""
    if name not in RECIPES:
        raise Misconfigured(f"there is no recipe {name!r}; there are {', '.join(sorted(RECIPES))}")
    recipe = RECIPES[name]()
    try:
        return type(recipe).model_validate(merged(recipe.model_dump(mode="json"), overrides or {}))
    except ValidationError as error:
        raise Misconfigured(f"recipe {name}: {'; '.join(_complaints(error))}") from error


def overrides_from_yaml(text: str) -> dict[str, JsonValue]:
    """Fields in YAML, nested as the recipe is. Raises Misconfigured."""
    if len(text) > _MAX_YAML_CHARS:
        raise Misconfigured(f"overrides of a recipe take {_MAX_YAML_CHARS} characters at most")
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise Misconfigured(f"overrides of a recipe are not YAML: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise Misconfigured("overrides of a recipe are fields with values, such as `steps: 400`")
    return cast(dict[str, JsonValue], found)


def overrides_from_words(words: Iterable[str]) -> dict[str, JsonValue]:
    """From `lora.rank=8` and the like; values are read as YAML. Raises Misconfigured."""
    found: dict[str, JsonValue] = {}
    for word in words:
        path, equals, value = word.partition("=")
        if not equals or not all(path.split(".")):
            raise Misconfigured(f"{word!r} is no field of a recipe with a value, such as `lora.rank=8`")
        nested: JsonValue = overrides_from_yaml(f"value: {value}").get("value")
        for name in reversed(path.split(".")):
            nested = {name: nested}
        found = merged(found, cast(dict[str, JsonValue], nested))
    return found


def merged(fields: Overrides, others: Overrides) -> dict[str, JsonValue]:
    """Fields with others over them, nested ones by name."""
    found = dict(fields)
    for name, value in others.items():
        mine = found.get(name)
        both = isinstance(mine, dict) and isinstance(value, dict)
        found[name] = merged(cast(Overrides, mine), cast(Overrides, value)) if both else value
    return found


def _complaints(error: ValidationError) -> Iterable[str]:
    for each in error.errors():
        field = ".".join(str(part) for part in each["loc"])
        complaint = each["msg"].removeprefix("Value error, ")
        yield f"{field}: {complaint}" if field else complaint

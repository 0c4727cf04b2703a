from enum import StrEnum
from typing import Annotated, Any, Literal, Optional

import pytest
from pydantic import Field, JsonValue

from infra.contracts.compatibility import OLD_READER, OLD_RECORD, breaking_changes, meaning
from infra.contracts.json_schemas import body_schema
from schemas.event import Fact
from tests.unit.infra.contracts.things import thing


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class WithGreen(StrEnum):
    RED = "red"
    BLUE = "blue"
    GREEN = "green"


class OnlyRed(StrEnum):
    RED = "red"


class Place(Fact):
    x: int


class PlaceWithY(Fact):
    x: int
    y: int = 0


class PlaceNeedsY(Fact):
    x: int
    y: int


class PlaceOfWords(Fact):
    x: str


class Node(Fact):
    value: int
    next: Optional["Node"] = None


class WordNode(Fact):
    value: str
    next: Optional["WordNode"] = None


Fields = dict[str, Any]
NEEDED: Any = ...


def changes(old: Fields, new: Fields) -> list[str]:
    return breaking_changes(body_schema(thing(**old)), body_schema(thing(**new)))


def of(annotation: Any, *rules: Any) -> Fields:
    return {"a": (Annotated[annotation, *rules] if rules else annotation, NEEDED)}


BREAKING: list[tuple[str, Fields, Fields, str]] = [
    ("new required field", {}, of(int), f"a: is required now: {OLD_RECORD}"),
    ("required field removed", of(int), {}, f"a: may be missing now: {OLD_READER}"),
    ("optional field made required", {"a": (int, 0)}, of(int), OLD_RECORD),
    ("required field made optional", of(int), {"a": (int, 0)}, OLD_READER),
    ("field renamed", of(int), {"b": (int, NEEDED)}, OLD_RECORD),
    ("null allowed", of(int), of(int | None), f"can now be null: {OLD_READER}"),
    ("null forbidden", of(int | None), of(int), f"can no longer be null: {OLD_RECORD}"),
    ("type changed", of(int), of(str), "can now be string"),
    ("whole number to any number", of(int), of(float), f"can now be number: {OLD_READER}"),
    ("any number to whole number", of(float), of(int), f"can no longer be number: {OLD_RECORD}"),
    ("anything allowed", of(str), of(JsonValue), f"can now be anything: {OLD_READER}"),
    ("anything narrowed", of(JsonValue), of(str), f"can no longer be anything: {OLD_RECORD}"),
    ("another type added", of(str), of(str | int), f"can now be integer: {OLD_READER}"),
    ("list instead of one", of(str), of(tuple[str, ...]), "can now be array"),
    ("lower bound raised", of(int, Field(ge=0)), of(int, Field(ge=1)), OLD_RECORD),
    ("lower bound lowered", of(int, Field(ge=1)), of(int, Field(ge=0)), OLD_READER),
    ("lower bound added", of(int), of(int, Field(ge=0)), OLD_RECORD),
    ("lower bound removed", of(int, Field(ge=0)), of(int), OLD_READER),
    ("upper bound raised", of(int, Field(lt=5)), of(int, Field(lt=6)), OLD_READER),
    ("upper bound lowered", of(int, Field(lt=6)), of(int, Field(lt=5)), OLD_RECORD),
    ("bound made exclusive", of(int, Field(ge=0)), of(int, Field(gt=0)), OLD_RECORD),
    ("longer text allowed", of(str, Field(max_length=5)), of(str, Field(max_length=6)), OLD_READER),
    ("longer text refused", of(str, Field(max_length=6)), of(str, Field(max_length=5)), OLD_RECORD),
    ("empty text refused", of(str), of(str, Field(min_length=1)), OLD_RECORD),
    ("pattern added", of(str), of(str, Field(pattern="^a$")), OLD_RECORD),
    ("pattern removed", of(str, Field(pattern="^a$")), of(str), OLD_READER),
    ("pattern changed", of(str, Field(pattern="^a$")), of(str, Field(pattern="^b$")), "pattern"),
    ("text became bytes", of(str), of(bytes), "format"),
    ("step changed", of(int, Field(multiple_of=2)), of(int, Field(multiple_of=3)), "multipleOf"),
    ("value of an enum added", of(Colour), of(WithGreen), f"'green' is new: {OLD_READER}"),
    ("value of an enum removed", of(Colour), of(OnlyRed), f"'blue' is gone: {OLD_RECORD}"),
    ("enum opened", of(Colour), of(str), f"is free now: {OLD_READER}"),
    ("text became an enum", of(str), of(Colour), f"has a list of values now: {OLD_RECORD}"),
    ("only value changed", of(Literal["red"]), of(Literal["blue"]), "const"),
    ("default changed", {"a": (int, 0)}, {"a": (int, 1)}, "default"),
    ("default changed its type", {"a": (bool, False)}, {"a": (int, 0)}, "default"),
    ("elements changed", of(tuple[int, ...]), of(tuple[str, ...]), "a[]: can now be string"),
    ("fewer elements", of(tuple[int, ...]), of(tuple[int, ...], Field(max_length=3)), "maxItems"),
    ("values of a mapping changed", of(dict[str, int]), of(dict[str, str]), "a[]"),
    ("mapping became a fact", of(dict[str, int]), of(Place), "additionalProperties"),
    ("required field in a fact", of(Place), of(PlaceNeedsY), "a.y: is required now"),
    ("type changed in a fact", of(Place), of(PlaceOfWords), "a.x: can now be string"),
    ("type changed in elements", of(tuple[Place, ...]), of(tuple[PlaceOfWords, ...]), "a[].x"),
    ("type changed behind null", of(Place | None), of(PlaceOfWords | None), "a.x"),
    ("type changed in a fact of a fact", of(Node), of(WordNode), "a.value"),
    ("alternatives of one type changed", of(Place | Node), of(PlaceNeedsY | Node), "alternatives"),
]

HARMLESS: list[tuple[str, Fields, Fields]] = [
    ("nothing", of(int), of(int)),
    ("new field with a default", {}, {"a": (int, 0)}),
    ("new field that may be null", {}, {"a": (int | None, None)}),
    ("optional field removed", {"a": (int, 0)}, {}),
    ("description", of(int), of(int, Field(description="In bytes."))),
    ("title", of(int), of(int, Field(title="Size"))),
    ("example", of(int), of(int, Field(examples=[3]))),
    ("deprecated", of(int), of(int, Field(deprecated=True))),
    ("order of fields", {"a": (int, NEEDED), "b": (int, NEEDED)}, {"b": (int, NEEDED), "a": (int, NEEDED)}),
    ("order of values", of(Literal["x", "y"]), of(Literal["y", "x"])),
    ("enum written out", of(Colour), of(Literal["red", "blue"])),
    ("order of alternatives", of(int | str), of(str | int)),
    ("optional field in a fact", of(Place), of(PlaceWithY)),
    ("optional field in elements", of(tuple[Place, ...]), of(tuple[PlaceWithY, ...])),
    ("optional field in a default", {"a": (Place, Place(x=1))}, {"a": (PlaceWithY, PlaceWithY(x=1))}),
    ("recursive fact", of(Node), of(Node)),
    ("field called like a keyword", {"enum": (int, 0), "title": (str, "")}, {"enum": (int, 0)}),
]


@pytest.mark.parametrize(("old", "new", "said"), [case[1:] for case in BREAKING], ids=[case[0] for case in BREAKING])
def test_a_change_that_somebody_would_not_survive_is_named(old: Fields, new: Fields, said: str) -> None:
    found = changes(old, new)
    assert any(said in change for change in found), found


@pytest.mark.parametrize(("old", "new"), [case[1:] for case in HARMLESS], ids=[case[0] for case in HARMLESS])
def test_a_change_that_everybody_survives_is_accepted(old: Fields, new: Fields) -> None:
    assert changes(old, new) == []
    assert changes(new, old) == []


@pytest.mark.parametrize(("old", "new"), [case[1:3] for case in BREAKING], ids=[case[0] for case in BREAKING])
def test_a_breaking_change_is_breaking_when_it_is_taken_back(old: Fields, new: Fields) -> None:
    assert changes(new, old)


def test_a_field_called_description_is_more_than_words() -> None:
    assert changes({"description": (str, NEEDED)}, {"description": (int, NEEDED)})


def test_a_field_that_came_back_with_another_type_breaks_the_version_that_had_it() -> None:
    first: Fields = {"a": (int, 0)}
    second: Fields = {}
    third: Fields = {"a": (str, "")}
    assert changes(first, second) == []
    assert changes(second, third) == []
    assert changes(first, third)


def test_a_rule_that_pydantic_does_not_write_today_counts_as_well() -> None:
    old, new = body_schema(thing(**of(int))), body_schema(thing(**of(int)))
    new["not"] = {"required": ["a"]}
    assert breaking_changes(old, new)


def test_refusing_unknown_fields_is_a_breaking_change() -> None:
    old, new = body_schema(thing(**of(int))), body_schema(thing(**of(int)))
    new["additionalProperties"] = False
    assert breaking_changes(old, new)


def test_the_place_of_a_change_is_named() -> None:
    [change] = changes(of(dict[str, tuple[Place, ...]]), of(dict[str, tuple[PlaceNeedsY, ...]]))
    assert change.startswith("body.a[][].y: ")


def test_words_for_people_are_not_part_of_the_meaning() -> None:
    with_words = body_schema(thing(a=(Annotated[int, Field(description="In bytes.")], NEEDED)))
    assert meaning(with_words) == meaning(body_schema(thing(**of(int))))

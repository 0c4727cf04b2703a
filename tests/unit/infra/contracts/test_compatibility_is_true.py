"""Holds the checker against reality: real readers, made by pydantic, read what real writers may write."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker
from pydantic import Field, JsonValue, ValidationError

from infra.contracts.compatibility import breaking_changes
from infra.contracts.json_schemas import JsonSchema, body_schema
from schemas.event import ENVELOPE_FIELDS, Event, Fact
from tests.unit.infra.contracts.things import thing


class Few(StrEnum):
    A = "a"
    B = "b"


class Small(Fact):
    a: str


class Grown(Fact):
    a: str
    b: int = 0


class Needy(Fact):
    a: str
    b: int


TYPES: tuple[Any, ...] = (
    str,
    Annotated[str, Field(min_length=1)],
    Annotated[str, Field(max_length=2)],
    Annotated[str, Field(max_length=3)],
    Annotated[str, Field(pattern="^a+$")],
    Annotated[str, Field(pattern="^b+$")],
    Annotated[str, Field(description="Words.")],
    Literal["a"],
    Literal["a", "b"],
    Literal["b", "a"],
    Few,
    UUID,
    datetime,
    int,
    Annotated[int, Field(ge=0)],
    Annotated[int, Field(gt=0)],
    Annotated[int, Field(lt=10)],
    Annotated[int, Field(le=10)],
    float,
    Annotated[float, Field(ge=0, le=1)],
    bool,
    JsonValue,
    tuple[str, ...],
    tuple[int, ...],
    Annotated[tuple[str, ...], Field(min_length=1)],
    dict[str, str],
    dict[str, int],
    Small,
    Grown,
    Needy,
    tuple[Small, ...],
    tuple[Needy, ...],
    str | None,
    int | None,
    Small | None,
    str | int,
)

VALUES: tuple[Any, ...] = (
    *(None, True, False, -1, 0, 1, 9, 10, 11, -0.5, 0.5, 1.5),
    *("", "a", "b", "x", "aa", "bbb", "xxxx"),
    *("5f0c2d1e-8f3e-4a55-9a0b-0d4c1f6f7a11", "2026-11-22T08:00:00Z"),
    *([], ["a"], ["x", "y"], [1], [{"a": "x"}], [{"a": "x", "b": 1}]),
    *({}, {"a": "x"}, {"a": "x", "b": 1}, {"a": "x", "b": "y"}, {"a": 1}, {"a": "x", "b": 1, "c": None}),
)

Choice = tuple[int, int | None]
"""A field: which type, and which of its plain values is the default; None for a required field."""
CHOICES = st.tuples(st.integers(0, len(TYPES) - 1), st.none() | st.integers(0, 2))
SPECS = st.dictionaries(st.sampled_from("pqr"), CHOICES, max_size=3)


@cache
def lawful(number: int) -> tuple[Any, ...]:
    """The values that a writer may write and its own reader takes whole: no fields beyond those of its version."""
    model = thing(a=(TYPES[number], ...))
    validator = Draft202012Validator(body_schema(model), format_checker=FormatChecker())
    allowed = [value for value in VALUES if validator.is_valid({"a": value})]
    return tuple(value for value in allowed if takes_whole(read(model, {"a": value}), {"a": value}))


def takes_whole(found: Any, written: Any) -> bool:
    if isinstance(found, dict) and isinstance(written, dict):
        return all(name in found and takes_whole(found[name], written[name]) for name in written)
    if isinstance(found, list) and isinstance(written, list):
        return all(map(takes_whole, found, written))
    return found is not None or written is None


@cache
def made(spec: tuple[tuple[str, Choice], ...]) -> tuple[type[Event], JsonSchema, tuple[dict[str, Any], ...]]:
    """A reader, what it publishes as its schema, and what its writers may write."""
    fields: dict[str, Any] = {name: (TYPES[number], default_of(number, choice)) for name, (number, choice) in spec}
    model = thing(**fields)
    return model, body_schema(model), tuple(records(dict(spec), model))


def default_of(number: int, choice: int | None) -> Any:
    plain = [value for value in lawful(number) if not isinstance(value, list | dict)]
    return ... if choice is None or not plain else Field(default=plain[choice % len(plain)], validate_default=True)


def read(model: type[Event], record: dict[str, Any]) -> dict[str, Any] | None:
    """What a reader makes of a record; None if it refuses it."""
    try:
        return model.model_validate(record).model_dump(mode="json", exclude=set(ENVELOPE_FIELDS))
    except ValidationError:
        return None


def records(spec: dict[str, Choice], model: type[Event]) -> Iterator[dict[str, Any]]:
    """Records that differ in one field each, and those in which an optional field is missing."""
    full = {name: lawful(number)[0] for name, (number, _) in spec.items()}
    yield full
    for name, (number, _) in spec.items():
        yield from (full | {name: value} for value in lawful(number))
        if not model.model_fields[name].is_required():
            yield {other: value for other, value in full.items() if other != name}


def agree(ours: Any, theirs: Any) -> bool:
    """Both read the same in what both know."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return all(agree(ours[name], theirs[name]) for name in ours.keys() & theirs.keys())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    return bool(ours == theirs)


def survives(writer: type[Event], written: Iterable[dict[str, Any]], reader: type[Event]) -> bool:
    return all((found := read(reader, record)) is not None and agree(read(writer, record), found) for record in written)


def assert_true(old: dict[str, Choice], new: dict[str, Choice]) -> None:
    """The checker says that all is well exactly if old and new readers read what new and old writers write."""
    before, before_schema, old_records = made(tuple(old.items()))
    after, after_schema, new_records = made(tuple(new.items()))
    verdict = breaking_changes(before_schema, after_schema)
    reality = survives(before, old_records, after) and survives(after, new_records, before)
    assert (not verdict) == reality, (old, new, verdict)


def test_every_type_has_values_to_be_written() -> None:
    assert all(len(lawful(number)) > 0 for number in range(len(TYPES)))


@pytest.mark.parametrize("old", range(len(TYPES)))
def test_the_verdict_on_every_pair_of_types_is_what_real_readers_say(old: int) -> None:
    for new in range(len(TYPES)):
        assert_true({"p": (old, None)}, {"p": (new, None)})


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(old=SPECS, changed=SPECS, kept=st.sets(st.sampled_from("pqr")))
def test_the_verdict_is_what_real_readers_say(
    old: dict[str, Choice], changed: dict[str, Choice], kept: set[str]
) -> None:
    assert_true(old, {**changed, **{name: old[name] for name in kept & old.keys()}})

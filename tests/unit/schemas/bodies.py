"""Any body that an event's published JSON Schema allows: what a producer in any language may write."""

import base64
import string
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

from hypothesis import strategies as st

from infra.contracts.json_schemas import JsonSchema, body_schema
from schemas.event import Event
from schemas.items import ItemEmbedded, ItemPublished

WORDS = st.characters(exclude_categories=["Cs"])  # everything but half surrogates
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=ZONES | st.just(UTC))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(WORDS), inner, max_size=3),
    max_leaves=8,
)


@cache
def bodies(event: type[Event]) -> st.SearchStrategy[dict[str, Any]]:
    """Bodies with any of the optional fields there or not, including the rules that JSON Schema does not tell."""
    schema = body_schema(event)
    return _values(schema, schema.get("$defs", {})).map(lambda body: _lawful(event, body))


@cache
def events(event: type[Event]) -> st.SearchStrategy[Event]:
    """Any valid event of a type."""
    envelope = st.fixed_dictionaries({"event_id": st.uuids(), "occurred_at": MOMENTS})
    return st.builds(lambda head, body: event.model_validate(body | head), envelope, bodies(event))


def _lawful(event: type[Event], body: dict[str, Any]) -> dict[str, Any]:
    if event is ItemPublished and body.get("text") is None and body.get("media") is None:
        return body | {"text": ""}
    if event is ItemEmbedded:
        dim = body["dim"] % 8 + 1
        vector = base64.urlsafe_b64encode(bytes(range(4 * dim))).decode()
        return body | {"dim": dim, "parts": [part | {"vector": vector} for part in body["parts"]]}
    return body


def _values(schema: JsonSchema, definitions: JsonSchema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        return _values(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return st.one_of([_values(part, definitions) for part in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "object":
        return _objects(schema, definitions)
    if schema.get("type") == "array":
        return st.lists(_values(schema["items"], definitions), min_size=schema.get("minItems", 0), max_size=3)
    return SIMPLE[schema.get("type", "anything")](schema)


def _objects(schema: JsonSchema, definitions: JsonSchema) -> st.SearchStrategy[Any]:
    if "properties" not in schema:
        return st.dictionaries(st.text(WORDS), _values(schema["additionalProperties"], definitions), max_size=3)
    fields = {name: _values(field, definitions) for name, field in schema["properties"].items()}
    needed = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: fields[name] for name in needed},
        optional={name: field for name, field in fields.items() if name not in needed},
    )


def _strings(schema: JsonSchema) -> st.SearchStrategy[str]:
    match schema.get("format"):
        case "uuid":
            return st.uuids().map(str)
        case "date-time":
            return MOMENTS.map(datetime.isoformat)
        case "base64url":
            return st.binary(max_size=64).map(lambda content: base64.urlsafe_b64encode(content).decode())
    if "pattern" in schema:
        alphabet = st.sampled_from(string.printable + "äß")
        return st.from_regex(schema["pattern"], fullmatch=True, alphabet=alphabet).filter(
            lambda text: len(text) <= schema.get("maxLength", 1000)
        )
    return st.text(WORDS, min_size=schema.get("minLength", 0), max_size=min(20, schema.get("maxLength", 20)))


def _integers(schema: JsonSchema) -> st.SearchStrategy[int]:
    return st.integers(schema["minimum"], schema["exclusiveMaximum"] - 1)


def _numbers(schema: JsonSchema) -> st.SearchStrategy[float]:
    return st.floats(schema.get("minimum"), schema.get("maximum"), allow_nan=False, allow_infinity=False)


SIMPLE: dict[str, Callable[[JsonSchema], st.SearchStrategy[Any]]] = {
    "string": _strings,
    "integer": _integers,
    "number": _numbers,
    "boolean": lambda _: st.booleans(),
    "null": lambda _: st.none(),
    "anything": lambda _: JSON,
}

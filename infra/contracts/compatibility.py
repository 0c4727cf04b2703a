"""Which changes of an event old readers and old records survive. Pure.

Full compatibility: what the old schema allows must parse with the new reader, what the new one allows must parse with
the old reader, and the fields that both know must mean the same. For such a field the two schemas therefore have to
accept the same values; only titles and descriptions are free. What may come and go are optional fields.
"""

from collections.abc import Iterator
from typing import Any

from infra.contracts.json_schemas import JsonSchema

OLD_RECORD = "an old record may not parse any more"
OLD_READER = "an old reader may not parse a new record"

_WORDS_FOR_PEOPLE = {"$schema", "$id", "$defs", "$comment", "title", "description", "examples", "deprecated"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}
_COMPARED_APART = {"type", "properties", "required", "enum", "default"}
_NESTED = {"items", "additionalProperties"}
_VALUES = {"default", "const"}
_SETS = {"required", "enum"}


def breaking_changes(old: JsonSchema, new: JsonSchema) -> list[str]:
    """What in `new` an old reader or an old record would not survive, as sentences; empty if all is well."""
    return list(_changes(meaning(old), meaning(new), "body"))


def meaning(schema: JsonSchema) -> JsonSchema:
    """What decides whether a value is accepted: without words for people, order and the names of definitions."""
    return _meaning(schema, schema.get("$defs", {}), ())  # type: ignore[no-any-return]


def _meaning(schema: Any, definitions: JsonSchema, above: tuple[str, ...]) -> Any:
    if isinstance(schema, list):
        return [_meaning(part, definitions, above) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        if name in above:
            return {"$ref": name}
        return _meaning(definitions[name] | beside, definitions, (*above, name))
    kept = {key: value for key, value in schema.items() if key not in _WORDS_FOR_PEOPLE}
    return {key: _meaning_of(key, value, definitions, above) for key, value in kept.items()}


def _meaning_of(key: str, value: Any, definitions: JsonSchema, above: tuple[str, ...]) -> Any:
    if key == "properties":
        return {name: _meaning(field, definitions, above) for name, field in value.items()}
    if key in _SETS:
        return sorted(value, key=str)
    return value if key in _VALUES else _meaning(value, definitions, above)


def _changes(old: Any, new: Any, place: str) -> Iterator[str]:
    """Differences between two schemas of one place. A place may hold several kinds of value, such as text or null."""
    before, after = _kinds(old), _kinds(new)
    if "anything" not in after:
        yield from (f"{place}: can no longer be {kind}: {OLD_RECORD}" for kind in before.keys() - after.keys())
    if "anything" not in before:
        yield from (f"{place}: can now be {kind}: {OLD_READER}" for kind in after.keys() - before.keys())
    for kind in sorted(before.keys() & after.keys()):
        if len(before[kind]) == len(after[kind]) == 1:
            yield from _changes_of_kind(before[kind][0], after[kind][0], place)
        elif before[kind] != after[kind]:
            yield f"{place}: the alternatives of type {kind} changed: {OLD_RECORD}, or {OLD_READER}"


def _kinds(schema: Any) -> dict[str, list[JsonSchema]]:
    """The alternatives of a schema by JSON type."""
    if not isinstance(schema, dict):
        return _kinds({} if schema is True else {"type": f"{schema}"})
    found: dict[str, list[JsonSchema]] = {}
    for part in schema["anyOf"] if schema.keys() <= {"anyOf", "default"} and "anyOf" in schema else [schema]:
        found.setdefault(str(part.get("type", "anything")), []).append(part)
    return found


def _changes_of_kind(old: JsonSchema, new: JsonSchema, place: str) -> Iterator[str]:
    yield from _changed_rules(old, new, place)
    yield from _changed_values(old.get("enum"), new.get("enum"), place)
    yield from _changed_fields(old, new, place)


def _changed_rules(old: JsonSchema, new: JsonSchema, place: str) -> Iterator[str]:
    for rule in sorted((old.keys() | new.keys()) - _COMPARED_APART):
        before, after = old.get(rule), new.get(rule)
        if rule in _NESTED and rule in old and rule in new:
            yield from _changes(before, after, f"{place}[]")
        elif before != after:
            yield f"{place}: {rule} changed from {before} to {after}: {_who_suffers(rule, before, after)}"


def _who_suffers(rule: str, before: Any, after: Any) -> str:
    if before is None:
        return OLD_RECORD
    if after is None:
        return OLD_READER
    if rule in _LOWER | _UPPER:
        return OLD_RECORD if (after > before) == (rule in _LOWER) else OLD_READER
    return f"{OLD_RECORD}, or {OLD_READER}"


def _changed_values(old: list[Any] | None, new: list[Any] | None, place: str) -> Iterator[str]:
    if old is None or new is None:
        if old is not new:
            yield f"{place}: " + (f"is free now: {OLD_READER}" if old else f"has a list of values now: {OLD_RECORD}")
        return
    yield from (f"{place}: the value {value!r} is gone: {OLD_RECORD}" for value in old if value not in new)
    yield from (f"{place}: the value {value!r} is new: {OLD_READER}" for value in new if value not in old)


def _changed_fields(old: JsonSchema, new: JsonSchema, place: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    yield from (f"{place}.{name}: is required now: {OLD_RECORD}" for name in sorted(needed_after - needed_before))
    yield from (f"{place}.{name}: may be missing now: {OLD_READER}" for name in sorted(needed_before - needed_after))
    for name in sorted(before.keys() & after.keys()):
        yield from _changes(before[name], after[name], f"{place}.{name}")
        if not _same_default(before[name], after[name]):
            yield f"{place}.{name}: has another default: records without it would change their meaning"


def _same_default(old: JsonSchema, new: JsonSchema) -> bool:
    """Fields that only one of two default objects has came or went with their own default."""
    if "default" not in old or "default" not in new:
        return True
    before, after = old["default"], new["default"]
    if isinstance(before, dict) and isinstance(after, dict):
        return all(before[name] == after[name] for name in before.keys() & after.keys())
    return type(before) is type(after) and bool(before == after)

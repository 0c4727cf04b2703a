"""What a fact looks like as a row: columns derived from the pydantic models, so that nobody declares a field twice.

| in the model                      | in the table                                                            |
|-----------------------------------|-------------------------------------------------------------------------|
| str, int, float, bool, UUID, time | String, Int64, Float64, Bool, UUID, DateTime64(6, 'UTC')                |
| an enum                           | LowCardinality(String)                                                  |
| `... | None`                      | Nullable(...)                                                           |
| tuple[str, ...], dict[str, str]   | Array(String), Map(String, String)                                      |
| a fact in a field, such as media  | its fields beside the others: `media_uri`, `media_type`                 |
| several facts, such as hits       | arrays of equal length: `hits.item_id`, `hits.position` (for ARRAY JOIN) |
| free JSON                         | String, as JSON text                                                    |

Every row also says where its record first lay in the log: `log_topic`, `log_partition`, `log_offset`, and the version
which that place gives (`log_version`: on items.raw, the item's version).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from operator import attrgetter
from types import NoneType, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, JsonValue
from pydantic_core import to_json

from schemas.event import ENVELOPE_FIELDS, Event
from schemas.items import EmbeddedPart
from streams.stage import Incoming

LEFT_OUT: dict[type[BaseModel], frozenset[str]] = {EmbeddedPart: frozenset({"vector", "text"})}
"""Vectors live in the index and would be most of the bytes here; the words of a part are in item_curated already."""

SCALARS: dict[object, str] = {
    str: "String",
    int: "Int64",
    float: "Float64",
    bool: "Bool",
    UUID: "UUID",
    datetime: "DateTime64(6, 'UTC')",
    AwareDatetime: "DateTime64(6, 'UTC')",
}

Reader = Callable[[Any], object]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column and how to read its value from an `Incoming`."""

    name: str
    type: str
    read: Reader


def columns_of(event_type: type[Event], log_epoch: int = 0) -> tuple[Column, ...]:
    """The columns of an event type: envelope, body, place in the log."""
    columns = list(_flattened(event_type, ("fact",), optional=False))
    columns.sort(key=lambda column: column.name not in ENVELOPE_FIELDS)
    return (*columns, *_place(log_epoch))


def _place(log_epoch: int) -> tuple[Column, ...]:
    def version(incoming: Incoming) -> int:
        return incoming.origin.version(log_epoch)

    return (
        Column("log_topic", "LowCardinality(String)", attrgetter("origin.topic")),
        Column("log_partition", "Int64", attrgetter("origin.partition")),
        Column("log_offset", "Int64", attrgetter("origin.offset")),
        Column("log_version", "Int64", version),
    )


def _flattened(model: type[BaseModel], path: Path, optional: bool) -> Iterator[Column]:
    for name, kind, nullable in _fields(model):
        here, either = (*path, name), optional or nullable
        if _is_model(kind):
            yield from _flattened(kind, here, either)
        elif (element := _element(kind)) is not None and _is_model(element):
            yield from _nested(element, here)
        else:
            type_name = _type(kind, f"{model.__name__}.{name}")
            yield Column(_name(here), _nullable(type_name) if either else type_name, _reader(kind, here, either))


def _nested(model: type[BaseModel], path: Path) -> Iterator[Column]:
    """One array for each field of the facts in a list."""
    elements = attrgetter(".".join(path))
    for name, kind, nullable in _fields(model):
        type_name = _type(kind, f"{model.__name__}.{name}")
        inner = _nullable(type_name) if nullable else type_name
        read = _reader_of_each(elements, _reader(kind, (name,), nullable))
        yield Column(f"{_name(path)}.{name}", f"Array({inner})", read)


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any, bool]]:
    """Name, kind and whether None is allowed, of each field that is kept."""
    for name, field in model.model_fields.items():
        if name not in LEFT_OUT.get(model, ()):
            yield name, *_without_none(field.annotation)


def _name(path: Path) -> str:
    """`media_uri` for media.uri, and `media_type`, not `media_media_type`, for media.media_type."""
    *parents, last = path[1:]
    return last if parents and last.startswith(parents[-1]) else "_".join(path[1:])


def _type(kind: Any, field: str) -> str:
    if (scalar := SCALARS.get(kind)) is not None:
        return scalar
    if _is_enum(kind):
        return "LowCardinality(String)"
    if _is_json(kind):
        return "String"
    if (element := _element(kind)) is not None:
        return f"Array({_type(element, field)})"
    if get_args(kind) == (str, str):
        return "Map(String, String)"
    raise TypeError(f"{field}: no column type for {kind}; add one, or leave the field out by LEFT_OUT")


def _nullable(type_name: str) -> str:
    """The type that also holds NULL; arrays and maps cannot, and are empty instead."""
    if type_name.startswith(("Array(", "Map(")):
        return type_name
    if type_name == "LowCardinality(String)":
        return "LowCardinality(Nullable(String))"
    return f"Nullable({type_name})"


def _reader(kind: Any, path: Path, optional: bool) -> Reader:
    """Reads a value as ClickHouse takes it; an attrgetter where possible, as this runs once per row and column."""
    steps = (*path, "_value_") if _is_enum(kind) else path
    convert, empty = _conversion(kind), _empty(kind)
    if convert is None and (not optional or (empty is None and len(steps) <= len(("fact", "field")))):
        return attrgetter(".".join(steps))

    def read(root: object) -> object:
        value = root
        for step in steps:
            if (value := getattr(value, step)) is None:
                return empty
        return convert(value) if convert else value

    return read


def _reader_of_each(elements: Reader, read: Reader) -> Reader:
    def read_all(root: object) -> list[object]:
        return list(map(read, cast(Iterable[object], elements(root))))

    return read_all


def _conversion(kind: Any) -> Reader | None:
    if _is_json(kind):
        return lambda value: to_json(value).decode()
    if _is_enum(_element(kind)):
        return lambda value: [member.value for member in value]
    return None


def _empty(kind: Any) -> object:
    """What stands for None in a column that cannot hold NULL, else None."""
    return () if _element(kind) is not None else {} if get_origin(kind) is dict else None


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """The annotation without `Annotated` and `None`, and whether None was among its choices."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (Union, UnionType):
        return annotation, False
    [choice] = [choice for choice in get_args(annotation) if choice is not NoneType]
    return _without_none(choice)[0], True


def _element(kind: Any) -> Any | None:
    """The element type of `tuple[element, ...]`, else None."""
    return _without_none(get_args(kind)[0])[0] if get_origin(kind) is tuple else None


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_enum(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Enum)


def _is_json(kind: Any) -> bool:
    """Whether this is free JSON, alone, in a list or by name."""
    if (element := _element(kind)) is not None:
        return _is_json(element)
    return kind is JsonValue or (get_origin(kind) is dict and get_args(kind)[1] is JsonValue)

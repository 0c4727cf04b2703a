"""Events to records and back: CloudEvents 1.0, Kafka binary mode. Attributes in headers, the fact as JSON in the value.

Sources: CloudEvents specification 1.0.2 and its Kafka protocol binding (`ce_` headers, binary content mode); W3C Trace
Context for `traceparent`. Decoding starts from raw bytes and turns whatever is wrong into BadRecord or NotYet.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import TypeGuard
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, from_json

from schemas.catalogue import EVENT_TYPES
from schemas.event import ENVELOPE_FIELDS, Event, new_traceparent
from schemas.items import ItemFact
from schemas.training import ModelReleased
from streams.errors import BadRecord, NotYet
from streams.record import Record, headers_size

JSON_TYPE = b"application/json"
_TYPES = {name.encode(): event for name, event in EVENT_TYPES.items()}
_MAJORS = {name.rpartition(".v")[0]: event.major for name, event in EVENT_TYPES.items()}
_EXCLUDED = set(ENVELOPE_FIELDS)


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record on its way to the log."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def size(self) -> int:
        """Bytes on the wire, without the few that framing adds."""
        return len(self.key or b"") + len(self.value or b"") + headers_size(self.headers)


def key_of(event: Event) -> bytes | None:
    """`tenant/item_id` for facts about items; `live` for releases, whose compacted topic keeps the last; else None."""
    if about_item(event):
        return f"{event.tenant}/{event.item_id}".encode()
    return b"live" if isinstance(event, ModelReleased) else None


def about_item(event: Event) -> TypeGuard[ItemFact]:
    """Whether it is an ItemFact, at a tenth of what `isinstance` costs for models."""
    return _is_item_fact(type(event))


@lru_cache(maxsize=1024)
def _is_item_fact(event_type: type[Event]) -> bool:
    return issubclass(event_type, ItemFact)


def encode(event: Event, source: str) -> Encoded:
    """The record of an event; `source` names the stage or producer that speaks, such as `millrace/curation`.

    Raises BadRecord if free-form content (JSON or keys from elsewhere) has no form in JSON, such as half a surrogate.
    """
    headers = (
        *_standing_headers(type(event), source),
        ("ce_id", str(event.event_id).encode()),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("traceparent", event.traceparent.encode()),
    )
    if about_item(event):
        headers += (("ce_subject", event.item_id.encode()),)
    try:
        value = event.__pydantic_serializer__.to_json(event, exclude=_EXCLUDED)
    except PydanticSerializationError as error:
        raise BadRecord("not_encodable", str(error)[:200]) from error
    return Encoded(key_of(event), value, headers)


@lru_cache(maxsize=1024)
def _standing_headers(event_type: type[Event], source: str) -> tuple[tuple[str, bytes], ...]:
    """Headers that are the same for all events of a type from one source."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_type", event_type.type_name().encode()),
        ("ce_source", source.encode()),
        ("content-type", JSON_TYPE),
    )


def decode(record: Record, expected: tuple[type[Event], ...]) -> Event:
    """The event in a record.

    Raises BadRecord if it can never be read or does not belong on this topic or under this key, NotYet if its major
    version is newer than this code.
    """
    headers = dict(record.headers)
    event_type = _event_type(headers.get("ce_type"))
    if event_type not in expected:
        raise BadRecord("unexpected_type", f"{event_type.__name__} does not belong on {record.topic}")
    fields = _body(record.value) | _envelope(headers)
    try:
        event: Event = event_type.__pydantic_validator__.validate_python(fields)
    except ValidationError as error:
        raise BadRecord("invalid_event", _first_fault(error)) from error
    if about_item(event) and record.key != key_of(event):
        raise BadRecord(
            "wrong_key", "facts about an item need the key `tenant/item_id`, by which they keep their order"
        )
    return event


def _event_type(name: bytes | None) -> type[Event]:
    if name is None:
        raise BadRecord("missing_type", "the header ce_type is missing")
    if (known := _TYPES.get(name)) is not None:
        return known
    text = name[:200].decode("utf-8", "replace")
    base, _, major = text.rpartition(".v")
    if base in _MAJORS and _is_number(major) and int(major) > _MAJORS[base]:
        raise NotYet("future_version", f"{text} is newer than this code; upgrade, then replay")
    raise BadRecord("unknown_type", text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and not text.startswith("0")


def _body(value: bytes | None) -> dict[str, object]:
    """The JSON object in a record's value. Strict: no NaN, no half surrogates, at most 200 levels deep."""
    if value is None:
        raise BadRecord("empty_value", "a record of the loop needs a JSON body")
    try:
        body = from_json(value, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise BadRecord("invalid_json", str(error)[:200]) from error
    if not isinstance(body, dict):
        raise BadRecord("invalid_json", "the body is not a JSON object")
    return body


def _envelope(headers: dict[str, bytes]) -> dict[str, object]:
    """Fields that never come from the body. A missing `traceparent` starts a new trace."""
    event_id, time, traceparent = headers.get("ce_id"), headers.get("ce_time"), headers.get("traceparent")
    if event_id is None or time is None:
        raise BadRecord("missing_envelope", "the headers ce_id and ce_time are required")
    try:
        return {
            "event_id": UUID(event_id.decode()),
            "occurred_at": datetime.fromisoformat(time.decode()),
            "traceparent": traceparent.decode() if traceparent else new_traceparent(),
        }
    except ValueError as error:
        raise BadRecord("invalid_envelope", str(error)[:200]) from error


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place or 'body'}: {first['msg']}"[:200]

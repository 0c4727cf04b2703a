"""Events to records and back: CloudEvents 1.0, Kafka binary mode. Attributes in headers, the fact as JSON in the value.

Sources: CloudEvents specification 1.0.2 and its Kafka protocol binding (`ce_` headers, binary content mode); W3C Trace
Context for `traceparent`. Decoding starts from raw bytes and turns whatever is wrong into BadRecord or NotYet.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import ValidationError

from schemas.catalogue import EVENT_TYPES
from schemas.event import ENVELOPE_FIELDS, Event
from schemas.items import ItemFact
from streams.errors import BadRecord, NotYet
from streams.record import Record

JSON_TYPE = b"application/json"
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
        return len(self.key or b"") + len(self.value or b"") + sum(len(k) + len(v) for k, v in self.headers)


def key_of(event: Event) -> bytes | None:
    """`tenant/item_id` for facts about items, else None: those have no order to keep."""
    return f"{event.tenant}/{event.item_id}".encode() if isinstance(event, ItemFact) else None


def encode(event: Event, source: str) -> Encoded:
    """The record of an event; `source` names the stage or producer that speaks, such as `millrace/curation`."""
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event.event_id).encode()),
        ("ce_source", source.encode()),
        ("ce_type", event.type_name().encode()),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("content-type", JSON_TYPE),
        ("traceparent", event.traceparent.encode()),
    ]
    if isinstance(event, ItemFact):
        headers.append(("ce_subject", event.item_id.encode()))
    value = event.__pydantic_serializer__.to_json(event, exclude=_EXCLUDED)
    return Encoded(key_of(event), value, tuple(headers))


def decode(record: Record, expected: tuple[type[Event], ...]) -> Event:
    """The event in a record.

    Raises BadRecord if it can never be read or does not belong on this topic, NotYet if its major version is newer
    than this code.
    """
    event_type = _event_type(record)
    if event_type not in expected:
        raise BadRecord("unexpected_type", f"{event_type.__name__} does not belong on {record.topic}")
    if record.value is None:
        raise BadRecord("empty_value", "a record of the loop needs a JSON body")
    try:
        body = json.loads(record.value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRecord("invalid_json", str(error)[:200]) from error
    if not isinstance(body, dict):
        raise BadRecord("invalid_json", "the body is not a JSON object")
    return _event(event_type, record, body)


def _event_type(record: Record) -> type[Event]:
    name = record.header("ce_type")
    if name is None:
        raise BadRecord("missing_type", "the header ce_type is missing")
    if (known := EVENT_TYPES.get(name)) is not None:
        return known
    base, _, major = name.rpartition(".v")
    if base in _MAJORS and major.isdecimal() and int(major) > _MAJORS[base]:
        raise NotYet("future_version", f"{name} is newer than this code; upgrade, then replay")
    raise BadRecord("unknown_type", name[:200])


def _event(event_type: type[Event], record: Record, body: dict[str, object]) -> Event:
    envelope = {
        "event_id": record.header("ce_id"),
        "occurred_at": record.header("ce_time"),
        "traceparent": record.header("traceparent"),
    }
    if envelope["event_id"] is None or envelope["occurred_at"] is None:
        raise BadRecord("missing_envelope", "the headers ce_id and ce_time are required")
    try:
        envelope["event_id"] = UUID(envelope["event_id"])  # type: ignore[assignment]
        envelope["occurred_at"] = datetime.fromisoformat(envelope["occurred_at"])  # type: ignore[assignment]
    except ValueError as error:
        raise BadRecord("invalid_envelope", str(error)[:200]) from error
    return _validated(event_type, body | {k: v for k, v in envelope.items() if v is not None})


def _validated(event_type: type[Event], fields: dict[str, object]) -> Event:
    try:
        return event_type.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise BadRecord("invalid_event", f"{place or 'body'}: {first['msg']}"[:200]) from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")

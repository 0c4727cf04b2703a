"""Operations as records of items.raw, written by the real codec."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID, uuid5

from schemas.event import Event
from schemas.items import ItemPublished, ItemWithdrawn, Modality
from streams.codec import Encoded, encode
from tests.faults.observe import OPERATION, UNREADABLE
from tests.faults.plan import Kind, Operation

NAMESPACE = UUID("0b0f7a52-6c1d-5a0e-9d53-6f1b8b9c2f4e")
BROKEN = ("cut off", "no type", "unknown type", "foreign key")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the record of an operation lies."""

    topic: str
    partition: int
    offset: int


def record_of(operation: Operation, operations: Mapping[int, Operation], place: Place | None = None) -> Encoded:
    """The record to write; `place` is that of the operation which is replayed."""
    said = operation
    while said.of is not None:
        said = operations[said.of]
    encoded = encode(_event(said), "faults")
    marks: tuple[tuple[str, bytes], ...] = ((OPERATION, str(operation.number).encode()),)
    if operation.kind is Kind.MALFORMED:
        return _broken(encoded, BROKEN[operation.number % len(BROKEN)], (*marks, (UNREADABLE, b"1")))
    if operation.kind is Kind.FUTURE:
        return _retyped(encoded, b"millrace.ItemPublished.v2", (*marks, (UNREADABLE, b"1")))
    if operation.kind is Kind.REPLAY:
        assert place is not None
        marks += (
            ("millrace-origin-topic", place.topic.encode()),
            ("millrace-origin-partition", str(place.partition).encode()),
            ("millrace-origin-offset", str(place.offset).encode()),
        )
    return replace(encoded, headers=(*encoded.headers, *marks))


def _event(operation: Operation) -> Event:
    event_id = uuid5(NAMESPACE, str(operation.number))
    if operation.kind is Kind.WITHDRAW:
        return ItemWithdrawn(event_id=event_id, item_id=operation.item)
    text = operation.text or " \n "  # blanks are what curation must refuse
    return ItemPublished(event_id=event_id, item_id=operation.item, text=text, modality=Modality.TEXT, source="faults")


def _broken(encoded: Encoded, how: str, marks: tuple[tuple[str, bytes], ...]) -> Encoded:
    if how == "cut off":
        return replace(encoded, value=(encoded.value or b"")[:-5], headers=(*encoded.headers, *marks))
    if how == "foreign key":
        return replace(encoded, key=b"somebody/else", headers=(*encoded.headers, *marks))
    return _retyped(encoded, b"what.is.this" if how == "unknown type" else None, marks)


def _retyped(encoded: Encoded, name: bytes | None, marks: tuple[tuple[str, bytes], ...]) -> Encoded:
    kept = tuple((header, value) for header, value in encoded.headers if header != "ce_type")
    typed = () if name is None else (("ce_type", name),)
    return replace(encoded, headers=(*kept, *typed, *marks))

"""A good record to be spoiled by tests, and what the codec says of it."""

from typing import Any
from uuid import UUID

from schemas.annotations import AnnotationChanged
from schemas.event import Event
from schemas.items import ItemPublished, ItemWithdrawn
from streams.codec import Encoded, decode
from streams.errors import BadRecord, NotYet
from streams.record import Record

EVENT_ID = UUID("5f0c2d1e-8f3e-4a55-9a0b-0d4c1f6f7a11")
HEADERS = {
    "ce_specversion": b"1.0",
    "ce_id": str(EVENT_ID).encode(),
    "ce_source": b"test",
    "ce_type": b"millrace.ItemPublished.v1",
    "ce_time": b"2026-11-22T08:00:00Z",
    "traceparent": b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
}
BODY = b'{"item_id":"a-1","text":"words"}'


def record(value: bytes | None = BODY, key: bytes | None = b"default/a-1", **changed: bytes | None) -> Record:
    """A good ItemPublished but for what is changed; a header of None is left out."""
    headers = HEADERS | {name.replace("content_type", "content-type"): header for name, header in changed.items()}
    kept = tuple((name, header) for name, header in headers.items() if header is not None)
    return Record("millrace.items.raw.v1", 0, 7, key, value, kept)


def recorded(encoded: Encoded) -> Record:
    return Record("millrace.items.raw.v1", 0, 7, encoded.key, encoded.value, encoded.headers)


def outcome(
    read: Record, expected: tuple[type[Event], ...] = (ItemPublished, ItemWithdrawn)
) -> Event | BadRecord | NotYet:
    """The event, or the refusal. Anything else goes through."""
    try:
        return decode(read, expected)
    except (BadRecord, NotYet) as refused:
        return refused


def refusal(read: Record, expected: tuple[type[Event], ...] = (ItemPublished, ItemWithdrawn)) -> BadRecord:
    refused = outcome(read, expected)
    assert isinstance(refused, BadRecord)
    return refused


def annotation(value: Any) -> AnnotationChanged:
    return AnnotationChanged(
        item_id="a",
        version=1,
        task="topic",
        request_id=EVENT_ID,
        annotation_key="1/2/3",
        revision=0,
        annotator="ann",
        result=({"value": value},),
    )

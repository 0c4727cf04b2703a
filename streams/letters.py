"""Letters: records that a stage set aside, dead (can never work) or parked (cannot work yet).

A letter keeps the original bytes, key and headers, and adds why, where and by whom. Its Kafka key is the place where
the record lay when it was set aside, and its topic is compacted: setting the same record aside twice gives one letter,
and handling it (replay, discard) is a tombstone with the same key. A replayed record lies in a new place, so a letter
about that one is never wiped out by the tombstone of the first.

A record too large for a letter, as compression can smuggle one past a broker's limit, is cut; the whole of it stays
where it lay.

An event that a stage was to tell of its own accord, and that the log can never take, has a letter too: it lay nowhere,
so its id takes the place's place in the key, and it is cut, as it cannot be replayed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from schemas.event import Event
from streams.codec import Encoded, encode
from streams.errors import BadRecord, Misconfigured, Refusal
from streams.record import ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC, Origin, Record
from streams.topics import RECORD_BYTES

REASON = "millrace-reason"
DETAIL = "millrace-detail"
STAGE = "millrace-stage"
EXCEPTION = "millrace-exception"
CODE_VERSION = "millrace-code-version"
SET_ASIDE_AT = "millrace-set-aside-at"
ORIGINAL_KEY = "millrace-original-key"
NO_VALUE = "millrace-original-value-null"
CUT = "millrace-original-size"
"""Bytes of a record that was too large to be kept whole."""

_ADDED = {REASON, DETAIL, STAGE, EXCEPTION, CODE_VERSION, SET_ASIDE_AT, ORIGINAL_KEY, NO_VALUE, CUT}
_ORIGIN = {ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET}

WHOLE_BYTES = RECORD_BYTES + 32 * 1024
"""A record up to this size is kept whole; the rest of LETTER_BYTES is for what a letter adds."""
KEPT_BYTES = 16 * 1024
"""Of the key and of the value of a larger one; its headers are left out."""
HEADER_FRAME_BYTES = 12
"""At most, for the lengths of a header's name and value."""


def write_letter(record: Record, refusal: Refusal, stage: str, code_version: str) -> Encoded:
    """The letter that sets `record` aside."""
    size = record.size + HEADER_FRAME_BYTES * len(record.headers)
    origin, place = record.first_place, f"{record.topic}/{record.partition}/{record.offset}"
    added = [*_why(refusal, stage, code_version), *_origin_headers(origin)]
    if size > WHOLE_BYTES:
        added.append((CUT, str(size).encode()))
        record = _cut(record)
    if record.key is not None:
        added.append((ORIGINAL_KEY, record.key))
    if record.value is None:
        added.append((NO_VALUE, b"1"))
    kept = [(name, value) for name, value in record.headers if name not in _ADDED | _ORIGIN]
    return Encoded(place.encode(), record.value or b"", tuple(kept + added))


def write_unsent(event: Event, topic: str, refusal: Refusal, stage: str, code_version: str) -> Encoded:
    """The letter about an event that can never be written to `topic`, with its beginning where that can be written."""
    try:
        record = encode(event, f"millrace/{stage}")
    except BadRecord:
        record = Encoded(None, None, (("ce_id", str(event.event_id).encode()), ("ce_type", event.type_name().encode())))
    added = [
        *_why(refusal, stage, code_version),
        *_origin_headers(Origin(topic, 0, 0)),
        (CUT, str(record.size).encode()),
    ]
    if record.key is not None:
        added.append((ORIGINAL_KEY, record.key[:KEPT_BYTES]))
    kept = (record.value or b"")[:KEPT_BYTES]
    return Encoded(f"{topic}/{event.event_id}".encode(), kept, (*record.headers, *added))


def _why(refusal: Refusal, stage: str, code_version: str) -> list[tuple[str, bytes]]:
    return [
        (REASON, refusal.reason.encode()),
        (DETAIL, refusal.detail.encode("utf-8", "replace")[:1000]),
        (STAGE, stage.encode()),
        (EXCEPTION, type(refusal).__name__.encode()),
        (CODE_VERSION, code_version.encode()),
        (SET_ASIDE_AT, datetime.now(UTC).isoformat().encode()),
    ]


def _cut(record: Record) -> Record:
    key, value = record.key and record.key[:KEPT_BYTES], record.value and record.value[:KEPT_BYTES]
    return Record(record.topic, record.partition, record.offset, key, value)


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that was set aside, as operators see it."""

    id: str
    """`topic/partition/offset` where the record lay when it was set aside; names the letter for commands. Of an event
    that never came to lie anywhere `topic/event id`."""
    origin: Origin
    reason: str
    detail: str
    stage: str
    exception: str
    code_version: str
    set_aside_at: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    cut: bool = False
    """Only the beginning of the record is here: it was too large for a letter."""

    def original(self) -> Encoded:
        """The record to write back to its topic: unchanged, with its first place in headers, so its version stays.

        Raises Misconfigured for a letter that is cut.
        """
        if self.cut:
            raise Misconfigured(f"{self.id} is too large to be replayed: publish it smaller, and discard the letter")
        return Encoded(self.key, self.value, (*self.headers, *_origin_headers(self.origin)))

    def tombstone(self) -> Encoded:
        """What marks this letter as handled."""
        return Encoded(self.id.encode(), None, ())


def read_letter(record: Record) -> Letter:
    """The letter in a record of a dead-letter or parked topic."""
    added = {name: record.header(name) or "" for name in _ADDED}
    key = next((value for name, value in record.headers if name == ORIGINAL_KEY), None)
    return Letter(
        id=(record.key or b"").decode("utf-8", "replace"),
        origin=record.origin,
        reason=added[REASON],
        detail=added[DETAIL],
        stage=added[STAGE],
        exception=added[EXCEPTION],
        code_version=added[CODE_VERSION],
        set_aside_at=added[SET_ASIDE_AT],
        key=key,
        value=None if added[NO_VALUE] else record.value,
        headers=tuple((name, value) for name, value in record.headers if name not in _ADDED | _ORIGIN),
        cut=bool(added[CUT]),
    )


def _origin_headers(origin: Origin) -> list[tuple[str, bytes]]:
    return [
        (ORIGIN_TOPIC, origin.topic.encode()),
        (ORIGIN_PARTITION, str(origin.partition).encode()),
        (ORIGIN_OFFSET, str(origin.offset).encode()),
    ]

"""Letters: records that a stage set aside, dead (can never work) or parked (cannot work yet).

A letter keeps the original bytes, key and headers, and adds why, where and by whom. Its Kafka key is the place the
record first came from, and its topic is compacted: setting the same record aside twice gives one letter, and handling
it (replay, discard) is a tombstone with the same key.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from streams.codec import Encoded
from streams.errors import Refusal
from streams.record import ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC, Origin, Record

REASON = "millrace-reason"
DETAIL = "millrace-detail"
STAGE = "millrace-stage"
EXCEPTION = "millrace-exception"
CODE_VERSION = "millrace-code-version"
SET_ASIDE_AT = "millrace-set-aside-at"
ORIGINAL_KEY = "millrace-original-key"
NO_VALUE = "millrace-original-value-null"

_ADDED = {REASON, DETAIL, STAGE, EXCEPTION, CODE_VERSION, SET_ASIDE_AT, ORIGINAL_KEY, NO_VALUE}
_ORIGIN = {ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET}


def letter_key(origin: Origin) -> bytes:
    return f"{origin.topic}/{origin.partition}/{origin.offset}".encode()


def write_letter(record: Record, refusal: Refusal, stage: str, code_version: str) -> Encoded:
    """The letter that sets `record` aside."""
    origin = record.origin
    added = [
        (REASON, refusal.reason.encode()),
        (DETAIL, refusal.detail.encode("utf-8", "replace")[:1000]),
        (STAGE, stage.encode()),
        (EXCEPTION, type(refusal).__name__.encode()),
        (CODE_VERSION, code_version.encode()),
        (SET_ASIDE_AT, datetime.now(UTC).isoformat().encode()),
        *_origin_headers(origin),
    ]
    if record.key is not None:
        added.append((ORIGINAL_KEY, record.key))
    if record.value is None:
        added.append((NO_VALUE, b"1"))
    kept = [(name, value) for name, value in record.headers if name not in _ADDED | _ORIGIN]
    return Encoded(letter_key(origin), record.value or b"", tuple(kept + added))


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that was set aside, as operators see it."""

    offset: int
    """Place of the letter in its topic's partition; `id` names it for commands."""
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

    @property
    def id(self) -> str:
        """`topic/partition/offset` of the record it holds."""
        return letter_key(self.origin).decode()

    def original(self) -> Encoded:
        """The record to write back to its topic: unchanged, with its first place in headers, so its version stays."""
        return Encoded(self.key, self.value, (*self.headers, *_origin_headers(self.origin)))

    def tombstone(self) -> Encoded:
        """What marks this letter as handled."""
        return Encoded(letter_key(self.origin), None, ())


def read_letter(record: Record) -> Letter:
    """The letter in a record of a dead-letter or parked topic."""
    added = {name: record.header(name) or "" for name in _ADDED}
    key = next((value for name, value in record.headers if name == ORIGINAL_KEY), None)
    return Letter(
        offset=record.offset,
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
    )


def _origin_headers(origin: Origin) -> list[tuple[str, bytes]]:
    return [
        (ORIGIN_TOPIC, origin.topic.encode()),
        (ORIGIN_PARTITION, str(origin.partition).encode()),
        (ORIGIN_OFFSET, str(origin.offset).encode()),
    ]

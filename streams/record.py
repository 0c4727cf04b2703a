"""Records as they lie in the log, and where they first came from.

Tuples with names: thousands are made and hashed in a second, and a frozen dataclass costs three times as much.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

EPOCH_BITS = 40
"""Offsets below 2**40 leave room for 2**12 log epochs in a version below 2**52, which JSON and indexes keep exactly."""

ORIGIN_TOPIC = "millrace-origin-topic"
ORIGIN_PARTITION = "millrace-origin-partition"
ORIGIN_OFFSET = "millrace-origin-offset"

Headers = Sequence[tuple[str, bytes]]


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class Origin(NamedTuple):
    """Where a record first lay. Survives dead-lettering, parking and replay."""

    topic: str
    partition: int
    offset: int

    def version(self, log_epoch: int = 0) -> int:
        """The version the log assigns to an item: its offset, with the epoch of the log above it."""
        return (log_epoch << EPOCH_BITS) | self.offset


class Record(NamedTuple):
    """One record as read. Key, value and headers are the bytes in the log, not yet looked at."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0

    @property
    def topic_partition(self) -> TopicPartition:
        return _place(self.topic, self.partition)

    @property
    def size(self) -> int:
        """Bytes that this record keeps in memory, roughly."""
        return len(self.key or b"") + len(self.value or b"") + headers_size(self.headers)

    def header(self, name: str) -> str | None:
        """The last header of that name as text; undecodable bytes are replaced, as headers are not ours alone."""
        found = [value for key, value in self.headers if key == name and value is not None]
        return found[-1].decode("utf-8", "replace") if found else None

    @property
    def origin(self) -> Origin:
        """The place named in its headers if it was replayed, else its own place.

        Anybody may write headers: what cannot be a place in a log is ignored.
        """
        topic = self.header(ORIGIN_TOPIC)
        partition = _whole_number(self.header(ORIGIN_PARTITION), below=2**31)
        offset = _whole_number(self.header(ORIGIN_OFFSET), below=2**EPOCH_BITS)
        if topic and partition is not None and offset is not None:
            return Origin(topic, partition, offset)
        return Origin(self.topic, self.partition, self.offset)

    @property
    def first_place(self) -> Origin:
        """Where this record first lay in its own partition: the place that assigns versions.

        Headers are believed only where they name an earlier place there. A forged one can then make its own record
        older, which harms nobody; it can never outrank what is yet to come.
        """
        if ORIGIN_TOPIC not in dict(self.headers):  # as nearly always
            return Origin(self.topic, self.partition, self.offset)
        named = self.origin
        if named.topic == self.topic and named.partition == self.partition and named.offset <= self.offset:
            return named
        return Origin(self.topic, self.partition, self.offset)


_place = lru_cache(maxsize=4096)(TopicPartition)  # few places, asked for several times a record


def headers_size(headers: Headers) -> int:
    """Bytes of the names and values, as names are ASCII."""
    return sum(map(len, chain.from_iterable(headers)))


def _whole_number(text: str | None, below: int) -> int | None:
    if text is None or len(text) > 20 or not (text.isascii() and text.isdecimal()):
        return None
    return number if (number := int(text)) < below else None

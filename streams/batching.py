"""Micro-batches: closed by count, by bytes or by age, whichever comes first."""

from streams.clock import Clock
from streams.errors import Unavailable
from streams.port import Consumer
from streams.record import Record
from streams.stage import BatchLimits

CHUNK_RECORDS = 128
"""Records fetched between two looks at the bytes; bounds how far a batch may exceed its byte limit."""


def gather(consumer: Consumer, limits: BatchLimits, idle_poll_s: float, clock: Clock) -> list[Record]:
    """The next micro-batch, or nothing if no record comes within `idle_poll_s`.

    What is there already fills the batch at once, whatever the age: it bounds only the waiting for company. Raises
    Unavailable only while the batch is still empty: what has been read is never dropped.
    """
    batch = consumer.poll(1, idle_poll_s)
    if not batch:
        return batch
    size = sum(record.size for record in batch)
    closes_at = clock.monotonic() + limits.max_age_s
    while len(batch) < limits.max_records and size < limits.max_bytes:
        left_s = max(0.0, closes_at - clock.monotonic())
        try:
            chunk = consumer.poll(min(CHUNK_RECORDS, limits.max_records - len(batch)), left_s)
        except Unavailable:
            break
        if not chunk and not left_s:
            break
        batch += chunk
        size += sum(record.size for record in chunk)
    return batch

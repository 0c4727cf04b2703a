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

    An old backlog fills batches at once; on a quiet topic a record waits at most `max_age_s` for company. Raises
    Unavailable only while the batch is still empty: what has been read is never dropped.
    """
    batch = consumer.poll(1, idle_poll_s)
    if not batch:
        return batch
    size = sum(record.size for record in batch)
    closes_at = clock.monotonic() + limits.max_age_s
    while len(batch) < limits.max_records and size < limits.max_bytes:
        left_s = closes_at - clock.monotonic()
        if left_s <= 0:
            break
        try:
            chunk = consumer.poll(min(CHUNK_RECORDS, limits.max_records - len(batch)), left_s)
        except Unavailable:
            break
        batch += chunk
        size += sum(record.size for record in chunk)
    return batch

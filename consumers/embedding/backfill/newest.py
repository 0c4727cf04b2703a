"""Which records of a partition hold the newest state of an item: the only ones worth embedding anew.

An item's facts lie in one partition, mostly in the order of their versions; a dead letter that was replayed may lie
behind its successors, so the version decides and not the place.
"""

from array import array
from collections.abc import Iterable

from models.vector_index.port import rank_of
from schemas.event import Event
from schemas.items import ItemCurated, ItemWithdrawn
from streams.codec import decode
from streams.errors import Refusal
from streams.record import Record
from streams.topics import CURATED


def newest(records: Iterable[Record]) -> "array[int]":
    """Offsets of the newest state of each item, rising; 8 bytes an item, and some 200 while it looks."""
    highest: dict[bytes | None, tuple[int, int]] = {}
    for record in records:
        fact = fact_of(record)
        if fact is not None and (rank := _rank(fact)) is not None:
            known = highest.get(record.key)
            if known is None or rank > known[0]:
                highest[record.key] = (rank, record.offset)
    return array("q", sorted(offset for _, offset in highest.values()))


def fact_of(record: Record) -> Event | None:
    """What a record says; None where it cannot be read, which embedding has told as a dead letter."""
    try:
        return decode(record, CURATED.events)
    except Refusal:
        return None


def _rank(fact: Event) -> int | None:
    """The order of an item's states; None for a withdrawal that nobody can order."""
    if isinstance(fact, ItemCurated):
        return rank_of(fact.version, withdrawn=False)
    if isinstance(fact, ItemWithdrawn) and fact.version is not None:
        return rank_of(fact.version, withdrawn=True)
    return None

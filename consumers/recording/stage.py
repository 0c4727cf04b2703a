"""every topic -> ClickHouse"""

from collections.abc import Sequence
from itertools import groupby
from typing import Protocol

from schemas.event import Event
from streams.errors import BadRecord
from streams.stage import BatchLimits, BatchStage, Incoming, Outcome
from streams.topics import LOOP, Topic

LIMITS = BatchLimits(max_records=10_000, max_bytes=32 * 2**20, max_age_s=1.0)
"""ClickHouse likes few large blocks: each insert becomes a part on disk that must be merged later."""

Place = int
"""Index of a fact in its batch."""


class EventTables(Protocol):
    """One table for each type of event. A fact stored twice is read once."""

    def insert(self, event_type: type[Event], rows: Sequence[Incoming]) -> None:
        """Store facts of one type as one block, durably.

        Raises Unavailable when nothing can be stored at the moment, and BadRecord when at least one of these facts can
        never be stored; in both cases some rows may have been stored, and storing them again is harmless.
        """


def recording_stage(tables: EventTables, topics: Sequence[Topic] = LOOP) -> BatchStage:
    """Stores every fact of `topics`, one insert for each event type in a batch. Answers with nothing."""

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        outcomes: list[Outcome] = [()] * len(batch)
        for event_type, places in places_by_type(batch):
            for place, refusal in refusals(tables, event_type, batch, places):
                outcomes[place] = refusal
        return outcomes

    return BatchStage("recording", sources=tuple(topics), answers=(), handle=handle, limits=LIMITS, witness=True)


def places_by_type(batch: Sequence[Incoming]) -> list[tuple[type[Event], list[Place]]]:
    """The places of each event type, in the order of the batch."""

    def type_at(place: Place) -> type[Event]:
        return type(batch[place].fact)

    places = sorted(range(len(batch)), key=lambda place: type_at(place).__name__)
    return [(event_type, list(of_type)) for event_type, of_type in groupby(places, key=type_at)]


def refusals(
    tables: EventTables, event_type: type[Event], batch: Sequence[Incoming], places: Sequence[Place]
) -> list[tuple[Place, BadRecord]]:
    """Store the facts at these places; a refused block is halved until only the facts at fault are left."""
    try:
        tables.insert(event_type, [batch[place] for place in places])
    except BadRecord as refusal:
        if len(places) == 1:
            return [(places[0], refusal)]
        middle = len(places) // 2
        return [
            *refusals(tables, event_type, batch, places[:middle]),
            *refusals(tables, event_type, batch, places[middle:]),
        ]
    return []

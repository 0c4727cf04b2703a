"""What a stage is still to tell: written in the transaction that made it true, published by the stage's tick.

Ids are computed, so an event that is put again, or published again after a crash, is the same event.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, Engine, delete, func, select

from models.metadata.dialect import insert_into, take_turns
from models.registry.tables import announcements
from schemas.catalogue import EVENT_TYPES
from schemas.event import Event

TRAINING = "training"
EVALUATION = "evaluation"
ROLLOUT = "rollout"
AT_ONCE = 500
"""Events of one tick."""


class Announcements:
    """The announcements of one stage. A stage makes one of these and keeps it: it knows what it gave last."""

    def __init__(self, engine: Engine, stage: str) -> None:
        self._engine = engine
        self._stage = stage
        self._given: list[str] = []

    def put(self, connection: Connection, events: Sequence[Event]) -> None:
        """Adds events behind all others of the stage, in the caller's transaction, as the last thing it does."""
        announce(connection, self._stage, events)

    def tick(self) -> Sequence[Event]:
        """What is to be published now. Called again only once that is published, so what it gave last may go."""
        if self._given:
            with self._engine.begin() as connection:
                connection.execute(delete(announcements).where(announcements.c.event_id.in_(self._given)))
            self._given = []
        found = self.waiting()
        self._given = [str(event.event_id) for event in found]
        return found

    def waiting(self) -> list[Event]:
        """The next events in their order; they stay where they are."""
        ours = select(announcements.c.type, announcements.c.body).where(announcements.c.stage == self._stage)
        with self._engine.execution_options(reading=True).connect() as connection:
            rows = connection.execute(ours.order_by(announcements.c.place).limit(AT_ONCE)).all()
        return [EVENT_TYPES[row.type].model_validate_json(row.body) for row in rows]


def announce(connection: Connection, stage: str, events: Sequence[Event]) -> None:
    """Adds events behind all others of the stage. Whoever comes later waits here until we commit: order is kept."""
    if not events:
        return
    take_turns(connection, "announcements", [stage])
    last = select(func.coalesce(func.max(announcements.c.place), 0)).where(announcements.c.stage == stage)
    first = connection.execute(last).scalar_one() + 1
    rows = [_row(stage, event, first + number) for number, event in enumerate(events)]
    connection.execute(insert_into(connection, announcements).on_conflict_do_nothing(), rows)


def _row(stage: str, event: Event, place: int) -> dict[str, object]:
    event_id: UUID = event.event_id
    body = event.model_dump_json()
    return {"event_id": str(event_id), "stage": stage, "type": event.type_name(), "body": body, "place": place}

"""The way of a candidate to all searches, and back. One at a time; every step is a compare-and-swap.

A rollout is changed by whoever read its latest revision. The switch is one transaction: the next generation, the
rollout's new state and what is told of both exist together or not at all.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, Row, select

from models.registry.records import Generation, Rollout, RolloutState
from models.registry.stores.announcements import ROLLOUT, announce
from models.registry.stores.generations import add_generation, live_in_turn, released
from models.registry.stores.rows import added, now_ms, storable
from models.registry.tables import rollouts
from schemas.event import Event
from schemas.training import ReleaseKind
from streams.clock import Clock

MOMENT_MS = 50


class Rollouts:
    """Rollouts. May be shared by threads and processes."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._clock = clock

    def begin(self, rollout: Rollout, events: Sequence[Event] = ()) -> bool:
        """Adds a rollout, and tells the events if it began.

        False while another is under way, if this one is known, or if another model serves than it is to replace.
        Time spent waiting for other writers is no part of it: nobody could know of the rollout yet.
        """
        asked_ms = now_ms(self._clock)
        with self._engine.begin() as connection:
            live = live_in_turn(connection)
            if live is not None and live.model_version != rollout.previous_version:
                return False
            late = _later(rollout, now_ms(self._clock) - asked_ms)
            if began := added(connection, rollouts, _row(late)):
                announce(connection, ROLLOUT, events)
        return began

    def current(self) -> Rollout | None:
        """The rollout that is under way."""
        return self._one(rollouts.c.under_way == 1)

    def get(self, rollout_id: str) -> Rollout | None:
        """A rollout by its id, ended or not."""
        return self._one(rollouts.c.rollout_id == rollout_id)

    def list(self, limit: int = 50) -> list[Rollout]:
        """The latest rollouts, latest first."""
        query = select(rollouts).order_by(rollouts.c.began_at_ms.desc(), rollouts.c.rollout_id).limit(max(limit, 0))
        with self._reading.connect() as connection:
            return [rollout_of(row) for row in connection.execute(query)]

    def change(self, rollout: Rollout, events: Sequence[Event] = ()) -> Rollout | None:
        """Writes what became of a rollout, if `rollout.revision` is still its latest; None if it is not.

        Returns it as it is now, one revision later. A state that is an end makes room for the next rollout.
        """
        with self._engine.begin() as connection:
            if (changed := self._swap(connection, rollout)) is not None:
                announce(connection, ROLLOUT, events)
        return changed

    def switch(
        self,
        rollout: Rollout,
        expected_generation: int,
        kind: ReleaseKind,
        reason: str = "",
        released_by: str = "",
        events: Sequence[Event] = (),
    ) -> Rollout | None:
        """Makes the next generation and moves the rollout with it: to WATCHING (or DONE, if it says so), or, for a
        rollback, to ROLLED_BACK.

        None, and nothing has changed, if another generation than the expected one serves, if it is not the model that
        this rollout replaces, or if the rollout was changed meanwhile.
        """
        with self._engine.begin() as connection:
            live = live_in_turn(connection)
            following = _following(rollout, expected_generation, kind, reason, released_by, now_ms(self._clock))
            if (live.number if live else 0) != expected_generation:
                return None
            if live is not None and live.model_version != following.previous_version:
                return None
            changed = self._swap(connection, _switched(rollout, following))
            if changed is None or not add_generation(connection, following):
                connection.rollback()
                return None
            told = released(following, UUID(rollout.rollout_id), rollout.traceparent)
            announce(connection, ROLLOUT, [*events, told])
        return changed

    def _swap(self, connection: Connection, rollout: Rollout) -> Rollout | None:
        changed = replace(rollout, revision=rollout.revision + 1, changed_at_ms=now_ms(self._clock))
        ours = (rollouts.c.rollout_id == rollout.rollout_id) & (rollouts.c.revision == rollout.revision)
        running = rollouts.c.under_way == 1  # an end is an end
        done = connection.execute(rollouts.update().where(ours, running).values(**_row(changed)))
        return changed if done.rowcount == 1 else None

    def _one(self, which: Any) -> Rollout | None:
        with self._reading.connect() as connection:
            row = connection.execute(select(rollouts).where(which)).first()
        return rollout_of(row) if row else None


def _later(rollout: Rollout, waited_ms: int) -> Rollout:
    """The same, begun later; what takes a moment only is no wait."""
    if waited_ms < MOMENT_MS:
        return rollout
    return replace(
        rollout, began_at_ms=rollout.began_at_ms + waited_ms, changed_at_ms=rollout.changed_at_ms + waited_ms
    )


def _following(
    rollout: Rollout, expected: int, kind: ReleaseKind, reason: str, released_by: str, at_ms: int
) -> Generation:
    candidate = (rollout.model_version, rollout.encoder_version)
    previous = (rollout.previous_version, rollout.previous_encoder_version)
    comes, goes = (candidate, previous) if kind is ReleaseKind.RELEASE else (previous, candidate)
    return Generation(expected + 1, *comes, *goes, kind, reason, released_by, at_ms)


def _switched(rollout: Rollout, following: Generation) -> Rollout:
    if following.kind is ReleaseKind.ROLLBACK:
        return replace(rollout, state=RolloutState.ROLLED_BACK, reason=following.reason)
    state = rollout.state if rollout.state is RolloutState.DONE else RolloutState.WATCHING
    return replace(rollout, state=state, generation=following.number)


def _row(rollout: Rollout) -> dict[str, Any]:
    written = {
        "state": rollout.state.value,
        "marks": to_json(dict(rollout.marks)).decode(),
        "steps": to_json(dict(rollout.steps)).decode(),
        "under_way": None if rollout.state.ended else 1,
    }
    return storable(**asdict(rollout) | written)


def rollout_of(row: Row[Any]) -> Rollout:
    """The rollout in a row that has its columns, and may have others."""
    plain = {name: row._mapping[name] for name in Rollout.__dataclass_fields__}
    read = {"state": RolloutState(row.state), "marks": from_json(row.marks), "steps": from_json(row.steps)}
    return Rollout(**plain | read)

"""Which model serves: a line of generations, each the compare-and-swap of the one before.

The number is the key of the row, so of all who try to make the next generation exactly one does. It is the fencing
token of whoever acts on what serves.
"""

from dataclasses import asdict
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine, Row, select

from models.metadata.dialect import take_turns
from models.registry.records import Alias, Generation
from models.registry.stores.rows import added, now_ms, storable
from models.registry.tables import generations, model_aliases
from schemas.training import ModelReleased, ReleaseKind
from streams.clock import Clock


class Generations:
    """Generations and aliases. May be shared by threads and processes."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._clock = clock

    def live(self) -> Generation | None:
        """What serves; None is generation 0, the encoder of the settings."""
        with self._reading.connect() as connection:
            return live_generation(connection)

    def history(self, limit: int = 50) -> list[Generation]:
        """The latest generations, latest first."""
        query = select(generations).order_by(generations.c.number.desc()).limit(max(limit, 0))
        with self._reading.connect() as connection:
            return [_generation(row) for row in connection.execute(query)]

    def of_model(self, version: str) -> list[Generation]:
        """The generations in which a model served, earliest first."""
        query = select(generations).where(generations.c.model_version == version).order_by(generations.c.number)
        with self._reading.connect() as connection:
            return [_generation(row) for row in connection.execute(query)]

    def aliases(self) -> list[Alias]:
        """All aliases by name."""
        with self._reading.connect() as connection:
            rows = connection.execute(select(model_aliases).order_by(model_aliases.c.name)).all()
        return [Alias(row.name, row.version, row.revision, row.at_ms) for row in rows]

    def alias(self, name: str) -> Alias | None:
        """What a name stands for."""
        with self._reading.connect() as connection:
            row = connection.execute(select(model_aliases).where(model_aliases.c.name == name)).first()
        return Alias(row.name, row.version, row.revision, row.at_ms) if row else None

    def set_alias(self, name: str, version: str, expected_revision: int = 0) -> bool:
        """Makes a name stand for a version if its revision is still the expected one; 0 is a new name."""
        changed = storable(name=name, version=version, revision=expected_revision + 1, at_ms=now_ms(self._clock))
        table = model_aliases
        with self._engine.begin() as connection:
            if expected_revision == 0:
                return added(connection, table, changed)
            same = (table.c.name == changed["name"]) & (table.c.revision == expected_revision)
            return connection.execute(table.update().where(same).values(**changed)).rowcount == 1


def live_generation(connection: Connection) -> Generation | None:
    """The highest generation, in a transaction."""
    row = connection.execute(select(generations).order_by(generations.c.number.desc()).limit(1)).first()
    return _generation(row) if row else None


def live_in_turn(connection: Connection) -> Generation | None:
    """The highest generation, which stays that until the transaction ends: for all who decide by it and write."""
    take_turns(connection, "registry", ["generations"])
    return live_generation(connection)


def add_generation(connection: Connection, following: Generation) -> bool:
    """Adds the next generation unless somebody else has; the key decides between two who come at once."""
    return added(connection, generations, storable(**asdict(following) | {"kind": following.kind.value}))


def released(generation: Generation, cause: UUID, traceparent: str) -> ModelReleased:
    """The event that tells of a generation; its id follows from what caused it and from the number."""
    event_id = uuid5(cause, f"ModelReleased/{generation.number}")
    return ModelReleased(
        event_id=event_id,
        traceparent=f"{traceparent[:36]}{event_id.hex[:16]}{traceparent[52:]}",
        generation=generation.number,
        model_version=generation.model_version,
        previous_version=generation.previous_version,
        kind=generation.kind,
        reason=generation.reason,
        encoder_version=generation.encoder_version,
        released_by=generation.released_by,
    )


def _generation(row: Row[Any]) -> Generation:
    return Generation(**{**row._mapping, "kind": ReleaseKind(row.kind)})

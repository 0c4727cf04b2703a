"""Which models there are. A version is immutable: what is registered under it stays what it was."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Engine, Row, select

from models.registry.records import Model, ModelKind
from models.registry.stores.rows import added, now_ms, storable
from models.registry.tables import models
from schemas.training import Artifact
from streams.clock import Clock
from streams.errors import Misconfigured


class Models:
    """Registered models. May be shared by threads and processes."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._clock = clock

    def register(self, model: Model, connection: Connection | None = None) -> Model:
        """Adds a model, in the caller's transaction if there is one; the model that is registered under its version.

        The same weights again change nothing, wherever they come from: they keep the lineage that they were registered
        with. Raises Misconfigured if the version is another model's.
        """
        stamped = model if model.created_at_ms else replace(model, created_at_ms=now_ms(self._clock))
        with nullcontext(connection) if connection is not None else self._engine.begin() as ours:
            if added(ours, models, _row(stamped)):
                return stamped
            known = _model(ours.execute(select(models).where(models.c.version == model.version)).one())
            _require_same(known, model)
            return known

    def get(self, version: str) -> Model | None:
        """The model of a version."""
        with self._reading.connect() as connection:
            row = connection.execute(select(models).where(models.c.version == version)).first()
        return _model(row) if row else None

    def list(self, limit: int = 50) -> list[Model]:
        """The newest models, newest first."""
        query = select(models).order_by(models.c.created_at_ms.desc(), models.c.version).limit(max(limit, 0))
        with self._reading.connect() as connection:
            return [_model(row) for row in connection.execute(query)]

    def of_snapshot(self, snapshot_sha256: str) -> Sequence[Model]:
        """Models trained on a snapshot, oldest first."""
        query = select(models).where(models.c.snapshot_sha256 == snapshot_sha256)
        with self._reading.connect() as connection:
            return [_model(row) for row in connection.execute(query.order_by(models.c.created_at_ms, models.c.version))]


def identity(model: Model) -> Mapping[str, object]:
    """What makes a model this one: its files, and not of what they were made, when, how fast or in which job.

    Another recipe, snapshot or parent may come to the very same bits, where what differs between them has no effect.
    """
    names = ("kind", "encoder_version", "artifacts")
    return {name: getattr(model, name) for name in names}


def lineage(model: Model) -> Mapping[str, object]:
    """Of what a model was made."""
    return {name: getattr(model, name) for name in ("parent_version", "recipe_sha256", "snapshot_sha256")}


def _require_same(known: Model, model: Model) -> None:
    ours, theirs = identity(model), identity(known)
    if different := [name for name in ours if ours[name] != theirs[name]]:
        raise Misconfigured(
            f"model version {model.version} is registered with other {', '.join(different)}; a version never changes. "
            "If its encoder came out as it was and its heads did not: `millrace train --recipe head` makes heads alone"
        )


def _row(model: Model) -> dict[str, Any]:
    artifacts = [artifact.model_dump() for artifact in model.artifacts]
    return storable(
        version=model.version,
        kind=model.kind.value,
        encoder_version=model.encoder_version,
        parent_version=model.parent_version,
        recipe=model.recipe,
        recipe_sha256=model.recipe_sha256,
        snapshot_sha256=model.snapshot_sha256,
        job_id=model.job_id,
        artifacts=to_json(artifacts).decode(),
        facts=to_json(dict(model.facts)).decode(),
        seconds=model.seconds,
        created_at_ms=model.created_at_ms,
    )


def _model(row: Row[Any]) -> Model:
    return Model(
        row.version,
        ModelKind(row.kind),
        row.encoder_version,
        row.parent_version,
        row.recipe,
        row.recipe_sha256,
        row.snapshot_sha256,
        row.job_id,
        tuple(Artifact.model_validate(artifact) for artifact in from_json(row.artifacts)),
        from_json(row.facts),
        row.seconds,
        row.created_at_ms,
    )

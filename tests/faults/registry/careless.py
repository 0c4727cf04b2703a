"""The rules of the registry, broken on purpose: it looks first and writes later, whatever has happened between."""

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from uuid import UUID

from sqlalchemy import Engine

from models.metadata.dialect import replacing
from models.registry.records import Job, Lease, Model, Progress, Rollout
from models.registry.registry import Registry
from models.registry.stores.announcements import ROLLOUT, TRAINING, announce
from models.registry.stores.generations import live_generation, released
from models.registry.stores.jobs import Jobs
from models.registry.stores.rollouts import Rollouts, _following, _row, _switched
from models.registry.tables import generations, rollouts, training_jobs
from schemas.event import Event
from schemas.training import ReleaseKind
from streams.clock import SystemClock

A_MOMENT_S = 0.005


class CarelessRollouts(Rollouts):
    """Switches without comparing: no key decides, no revision is asked for."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, SystemClock())

    def switch(
        self,
        rollout: Rollout,
        expected_generation: int,
        kind: ReleaseKind,
        reason: str = "",
        released_by: str = "",
        events: Sequence[Event] = (),
    ) -> Rollout | None:
        with self._reading.connect() as connection:
            live = live_generation(connection)
        if (live.number if live else 0) != expected_generation:
            return None
        time.sleep(A_MOMENT_S)
        following = _following(rollout, expected_generation, kind, reason, released_by, 0)
        after = replace(_switched(rollout, following), revision=rollout.revision + 1)
        with self._engine.begin() as connection:
            row = asdict(following) | {"kind": kind.value}
            connection.execute(replacing(connection, generations).values(**row))
            ours = rollouts.c.rollout_id == rollout.rollout_id
            connection.execute(rollouts.update().where(ours).values(**_row(after)))
            announce(connection, ROLLOUT, [released(following, UUID(rollout.rollout_id), rollout.traceparent)])
        return after


class CarelessJobs(Jobs):
    """Reports on and finishes whatever it began: no token is asked for."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry.engine, SystemClock(), registry.models)

    def progress(self, lease: Lease, progress: Progress, lease_s: float) -> Job:
        return lease.job

    def finish(self, lease: Lease, model: Model, events: Sequence[Event] = ()) -> None:
        with self._engine.begin() as connection:
            ours = training_jobs.c.job_id == lease.job.job_id
            connection.execute(
                training_jobs.update().where(ours).values(state="succeeded", model_version=model.version, ended_at_ms=1)
            )
            self._models.register(model, connection)
            announce(connection, TRAINING, events)

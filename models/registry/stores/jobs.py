"""Training jobs: exactly one run for each request, whoever works on it.

A worker holds a job by a lease that it renews. A lease that ran out may be taken by somebody else, whose token is
higher; from then on the former owner can neither report nor publish. Leases go by the workers' clocks: clocks that
disagree cost a run that is begun twice, never one that is published twice.

A lease that ran out counts as a lapse: a job that its workers die of fails in the end, and holds up no others. The
token cannot tell that, as it rises when a job is given back, too.
"""

import math
from collections.abc import Sequence
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import ColumnElement, Connection, Engine, Row, and_, case, literal, or_, select

from models.metadata.dialect import take_turns
from models.registry.errors import LeaseLost
from models.registry.records import Job, JobState, Lease, Model, Progress
from models.registry.stores.announcements import TRAINING, announce
from models.registry.stores.models import Models
from models.registry.stores.rows import added, now_ms, storable
from models.registry.tables import training_jobs as jobs
from schemas.event import Event
from schemas.training import TrainingRequested
from streams.clock import Clock

QUEUED, RUNNING, CANCELLED = JobState.QUEUED.value, JobState.RUNNING.value, JobState.CANCELLED.value
FAILED = JobState.FAILED.value

_MOST_URGENT_FIRST = (jobs.c.priority.desc(), jobs.c.submitted_at_ms, jobs.c.job_id)


class Jobs:
    """Training jobs. May be shared by threads and processes."""

    def __init__(self, engine: Engine, clock: Clock, models: Models) -> None:
        self._engine = engine
        self._reading = engine.execution_options(reading=True)
        self._clock = clock
        self._models = models

    def submit(self, event: TrainingRequested) -> bool:
        """Adds a job to the queue; False if its id is known."""
        with self._engine.begin() as connection:
            return added(connection, jobs, _row(event, now_ms(self._clock)))

    def claim(self, owner: str, lease_s: float, max_lapses: int | None = None) -> Lease | None:
        """The job to work on next: of the highest priority the oldest, queued or left by somebody; None if none is.

        One that is left for the `max_lapses`th time fails. A stop of everything costs a job one lapse at most, however
        long it lasts: what is counted is who takes it up again.
        """
        now = now_ms(self._clock)
        if not self._waiting(now):
            return None
        with self._engine.begin() as connection:
            take_turns(connection, "training", ["claim"])
            _end_what_is_left(connection, now, max_lapses)
            free = or_(jobs.c.state == QUEUED, _left(now))
            query = select(jobs.c.job_id, jobs.c.token).where(free).order_by(*_MOST_URGENT_FIRST).limit(1)
            found = connection.execute(query).first()
            if found is None:
                return None
            taken = jobs.update().where(jobs.c.job_id == found.job_id, jobs.c.token == found.token, free)
            taken = taken.values(
                state=RUNNING,
                token=found.token + 1,
                owner=owner,
                lease_until_ms=now + int(lease_s * 1000),
                lapses=case((jobs.c.state == RUNNING, jobs.c.lapses + 1), else_=jobs.c.lapses),
                started_at_ms=case((jobs.c.started_at_ms.is_(None), literal(now)), else_=jobs.c.started_at_ms),
            )
            row = connection.execute(taken.returning(*jobs.c)).first()
        return Lease(_job(row), owner, row.token) if row else None

    def progress(self, lease: Lease, progress: Progress, lease_s: float) -> Job:
        """Reports, and renews the lease. Returns the job: its `cancel_asked` tells the worker to stop.

        Raises LeaseLost.
        """
        values = _progress(progress) | {"lease_until_ms": now_ms(self._clock) + int(lease_s * 1000)}
        with self._engine.begin() as connection:
            row = connection.execute(jobs.update().where(_held(lease)).values(**values).returning(*jobs.c)).first()
        if row is None:
            raise _lost(lease)
        return _job(row)

    def finish(self, lease: Lease, model: Model, events: Sequence[Event] = ()) -> None:
        """Registers the model, ends the job and announces events for training: all of it or nothing.

        Raises LeaseLost, and nothing is registered. Done already under this lease, it changes nothing.
        """
        ended = {"state": JobState.SUCCEEDED.value, "model_version": model.version, "ended_at_ms": now_ms(self._clock)}
        with self._engine.begin() as connection:
            done = connection.execute(jobs.update().where(_held(lease)).values(**ended)).rowcount == 1
            if done:
                known = self._models.register(model, connection)
                if known.job_id != model.job_id:
                    ours = jobs.update().where(jobs.c.job_id == lease.job.job_id)
                    connection.execute(ours.values(**storable(reason=_made_before(known, model))))
                announce(connection, TRAINING, events)
            elif not _finished(connection, lease, model):
                raise _lost(lease)

    def fail(self, lease: Lease, reason: str, events: Sequence[Event] = ()) -> None:
        """Ends the job without a model, as cancelled if that was asked for. Raises LeaseLost."""
        values = storable(reason=reason, ended_at_ms=now_ms(self._clock))
        ended = case((jobs.c.cancel_asked, literal(CANCELLED)), else_=literal(JobState.FAILED.value))
        with self._engine.begin() as connection:
            if connection.execute(jobs.update().where(_held(lease)).values(**values, state=ended)).rowcount == 0:
                raise _lost(lease)
            announce(connection, TRAINING, events)

    def release(self, lease: Lease) -> None:
        """Gives the job back to the queue, or ends it if that was asked for; a lease that is lost is gone anyway."""
        now = now_ms(self._clock)
        state = case((jobs.c.cancel_asked, literal(CANCELLED)), else_=literal(QUEUED))
        ended = case((jobs.c.cancel_asked, literal(now)), else_=jobs.c.ended_at_ms)
        with self._engine.begin() as connection:
            connection.execute(jobs.update().where(_held(lease)).values(state=state, ended_at_ms=ended, owner=""))

    def cancel(self, job_id: str) -> bool:
        """Ends a job that waits, asks the worker of a running one to stop; False if it has ended or is unknown."""
        waits, runs = jobs.c.state == QUEUED, jobs.c.state == RUNNING
        now = now_ms(self._clock)
        values = {
            "cancel_asked": True,
            "state": case((waits, literal(CANCELLED)), else_=jobs.c.state),
            "ended_at_ms": case((waits, literal(now)), else_=jobs.c.ended_at_ms),
        }
        with self._engine.begin() as connection:
            asked = connection.execute(jobs.update().where(jobs.c.job_id == job_id, or_(waits, runs)).values(**values))
            return asked.rowcount == 1

    def get(self, job_id: str) -> Job | None:
        """A job by its id."""
        with self._reading.connect() as connection:
            row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).first()
        return _job(row) if row else None

    def list(self, limit: int = 50) -> list[Job]:
        """The latest jobs, latest first."""
        query = select(jobs).order_by(jobs.c.submitted_at_ms.desc(), jobs.c.job_id).limit(max(limit, 0))
        with self._reading.connect() as connection:
            return [_job(row) for row in connection.execute(query)]

    def open(self) -> Sequence[Job]:
        """Jobs that have not ended: those that run, then those that wait, in the order in which they are claimed."""
        runs_first = case((jobs.c.state == RUNNING, literal(0)), else_=literal(1))
        query = select(jobs).where(jobs.c.state.in_((RUNNING, QUEUED))).order_by(runs_first, *_MOST_URGENT_FIRST)
        with self._reading.connect() as connection:
            return [_job(row) for row in connection.execute(query)]

    def _waiting(self, now: int) -> bool:
        """Whether there is something to claim; asked without the write lock, as an idle worker asks again and again."""
        with self._reading.connect() as connection:
            query = select(jobs.c.job_id).where(or_(jobs.c.state == QUEUED, _left(now))).limit(1)
            return connection.execute(query).first() is not None


def _left(now: int) -> ColumnElement[bool]:
    """Jobs whose worker has not been heard of for too long."""
    return and_(jobs.c.state == RUNNING, jobs.c.lease_until_ms <= now)


def _end_what_is_left(connection: Connection, now: int, max_lapses: int | None) -> None:
    """Of the jobs that were left, those that nobody wants, and those that were left too often."""
    left = jobs.update().where(_left(now))
    connection.execute(left.where(jobs.c.cancel_asked).values(state=CANCELLED, ended_at_ms=now))
    if max_lapses is None:
        return
    reason = (
        f"whoever worked on it was gone before it was done, {max_lapses} times in all: died of it, perhaps for want of "
        "memory; the logs of the trainers say more, and training.max_lapses how often is too often"
    )
    ended = {"state": FAILED, "lapses": jobs.c.lapses + 1, "reason": reason, "ended_at_ms": now}
    connection.execute(left.where(jobs.c.lapses + 1 >= max_lapses).values(**ended))


def _held(lease: Lease) -> ColumnElement[bool]:
    """The job, while this lease is its latest and it runs."""
    return and_(jobs.c.job_id == lease.job.job_id, jobs.c.token == lease.token, jobs.c.state == RUNNING)


def _finished(connection: Connection, lease: Lease, model: Model) -> bool:
    """Whether the same was done before, and only the answer of the database was lost."""
    ours = and_(jobs.c.job_id == lease.job.job_id, jobs.c.token == lease.token)
    same = and_(jobs.c.state == JobState.SUCCEEDED.value, jobs.c.model_version == model.version)
    return connection.execute(select(jobs.c.job_id).where(ours, same)).first() is not None


def _made_before(known: Model, model: Model) -> str:
    """Of the job that came to weights that there are already."""
    made_of = ("parent_version", "recipe_sha256", "snapshot_sha256")
    other = [name.partition("_")[0] for name in made_of if getattr(known, name) != getattr(model, name)]
    though = f", though of another {' and '.join(other)}" if other else ""
    maker = f"by job {known.job_id}" if known.job_id else "elsewhere"
    return f"these very weights were made {maker} before{though}: the model keeps its lineage, and is judged again"


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"lease {lease.token} of {lease.owner} on job {lease.job.job_id} is lost; its work is not used")


def _progress(progress: Progress) -> dict[str, Any]:
    return storable(
        phase=progress.phase,
        step=progress.step,
        steps=progress.steps,
        loss=progress.loss if math.isfinite(progress.loss) else None,
        items_per_s=progress.items_per_s,
    )


def _row(event: TrainingRequested, now: int) -> dict[str, Any]:
    asked = storable(
        job_id=event.job_id,
        project_id=event.project_id,
        cause=event.cause,
        detail=event.detail,
        recipe=event.recipe,
        overrides=to_json(event.overrides).decode(),
        priority=event.priority,
        notes=event.notes,
        request_id=str(event.event_id),
        traceparent=event.traceparent,
    )
    fresh = {"state": QUEUED, "token": 0, "owner": "", "lease_until_ms": 0, "reason": "", "cancel_asked": False}
    return asked | fresh | _progress(Progress()) | {"submitted_at_ms": now, "lapses": 0}


def _job(row: Row[Any]) -> Job:
    loss = math.nan if row.loss is None else row.loss
    progress = Progress(row.phase, row.step, row.steps, loss, row.items_per_s)
    plain = {name: row._mapping[name] for name in Job.__dataclass_fields__ if name != "progress"}
    read = {"progress": progress, "overrides": from_json(row.overrides), "state": JobState(row.state)}
    return Job(**plain | read)

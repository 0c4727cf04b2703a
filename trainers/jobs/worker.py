"""Takes jobs from the registry, one at a time, and does them under a lease.

Whoever lost the lease cannot publish: what the registry takes is checked against the lease's token. A job that is
interrupted goes back to the queue and is taken up again where it stopped, by whoever comes first.
"""

import math
import os
import socket
import threading
import time

import structlog

from models.registry.errors import LeaseLost
from models.registry.records import Lease, Progress
from models.registry.stores.announcements import TRAINING
from schemas.training import TrainingProgressed
from streams.errors import MillraceError, Misconfigured, Refusal, Unavailable
from streams.patrol import Patrol
from streams.retry import BackoffConfig
from trainers.jobs.folders import alone, folder_of, tidy
from trainers.jobs.pacing import candidate_on_its_way
from trainers.jobs.run import train
from trainers.jobs.workbench import Workbench, cause_of
from trainers.loop.launcher import RunFailed, RunStopped

logger = structlog.get_logger()

TELL_EVERY_S = 1.0
PAUSE_S = 0.5
"""Between two looks for a job."""
ENDED_JOBS = 1_000
"""The latest jobs, among which those that have ended are tidied up after."""


class Trainer:
    """Works off training jobs in a thread of its own. `start`, `stop` and `ready` as services do."""

    def __init__(self, bench: Workbench, owner: str | None = None) -> None:
        self._bench = bench
        self._jobs = bench.registry.jobs
        self._owner = owner or f"{socket.gethostname()}/{os.getpid()}"
        self._stopping = threading.Event()
        self._patrol = Patrol("trainer", self.look, PAUSE_S, BackoffConfig())
        self.start, self.ready = self._patrol.start, self._patrol.ready

    def stop(self) -> None:
        """The run in hand saves, ends, and goes back to the queue."""
        self._stopping.set()
        self._patrol.stop(self._bench.config.stop_grace_s)

    def look(self) -> bool:
        """Does the next job, if there is one. Raises Unavailable, with the job back in the queue."""
        if self._stopping.is_set() or self._must_wait():
            return False
        config = self._bench.config
        if (lease := self._jobs.claim(self._owner, config.lease_s, config.max_lapses)) is None:
            return False
        logger.info("training", job=lease.job.job_id, cause=lease.job.cause, lease=lease.token)
        try:
            self._work(lease)
        except LeaseLost as lost:
            logger.warning("a job was taken over by somebody else", job=lease.job.job_id, reason=str(lost))
        tidy(self._bench.folder, self._jobs.list(ENDED_JOBS), self._bench.config.keep_runs)
        return True

    def _work(self, lease: Lease) -> None:
        folder = folder_of(self._bench.folder, lease.job.job_id)
        try:
            with Heartbeat(self._bench, lease) as heartbeat, alone(folder):
                trained = train(lease.job, folder, self._bench, heartbeat.tell, lambda: self._must_stop(heartbeat))
                heartbeat.check()
            self._jobs.finish(lease, trained.model, [trained.fact])
        except (Refusal, Misconfigured, RunFailed) as refusal:
            logger.warning("training failed", job=lease.job.job_id, reason=str(refusal))
            self._jobs.fail(lease, str(refusal))
        except (RunStopped, Unavailable) as interruption:
            self._jobs.release(lease)
            if isinstance(interruption, Unavailable):
                raise
        else:
            logger.info("trained", job=lease.job.job_id, model=trained.model.version, seconds=trained.model.seconds)

    def _must_wait(self) -> bool:
        standing, now_ms = self._bench.watch.current(), int(time.time() * 1000)
        return bool(candidate_on_its_way(self._bench.registry, standing.rollout, standing.model_version, now_ms))

    def _must_stop(self, heartbeat: "Heartbeat") -> bool:
        return self._stopping.is_set() or heartbeat.cancelled or heartbeat.lost is not None


class Heartbeat:
    """Renews a lease while the block runs, whatever the block is busy with, and tells how far it is."""

    def __init__(self, bench: Workbench, lease: Lease) -> None:
        self._registry, self._jobs = bench.registry, bench.registry.jobs
        self._config, self._lease = bench.config, lease
        self._progress = lease.job.progress
        self._ended, self._renewing = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._told, self._told_at = 0, float("-inf")
        self.cancelled = False
        self.lost: LeaseLost | None = None

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def check(self) -> None:
        """Raises LeaseLost if somebody else may have the job by now."""
        if self.lost is not None:
            raise self.lost

    def tell(self, progress: Progress) -> None:
        """Reports, here and on the topic, every second, or when a phase begins or its last step is done.

        Raises LeaseLost. While the database does not answer nothing is told, and the run goes on.
        """
        self.check()
        now, news = time.monotonic(), _milestone(progress) != _milestone(self._progress)
        self._progress = progress
        if not news and now - self._told_at < TELL_EVERY_S:
            return
        self._told_at = now
        try:
            self._renew()
            if math.isfinite(progress.loss) and math.isfinite(progress.items_per_s):  # others no fact can carry
                self._announce(progress)
        except Unavailable as error:  # no reason to end the ranks: the lease may still be ours when it is back
            logger.warning("progress could not be told", job=self._lease.job.job_id, reason=str(error))

    def _announce(self, progress: Progress) -> None:
        self._told += 1
        fact = TrainingProgressed.following(
            cause_of(self._lease.job),
            f"{self._lease.token}/{self._told}",
            job_id=self._lease.job.job_id,
            step=progress.step,
            steps=max(progress.steps, 1),
            loss=progress.loss,
            items_per_s=progress.items_per_s,
            phase=progress.phase,
        )
        with self._registry.engine.begin() as connection:
            self._registry.announcements(TRAINING).put(connection, [fact])

    def _renew(self) -> None:
        with self._renewing:  # what is newer is written later
            job = self._jobs.progress(self._lease, self._progress, self._config.lease_s)
        self.cancelled = job.cancel_asked

    def _beat(self) -> None:
        while not self._ended.wait(self._config.heartbeat_s):
            try:
                self._renew()
            except LeaseLost as lost:
                self.lost = lost
                return
            except MillraceError as error:  # the lease may still be ours: its end is what the registry judges by
                logger.warning("a lease could not be renewed", job=self._lease.job.job_id, reason=str(error))


def _milestone(progress: Progress) -> tuple[str, bool]:
    return progress.phase, progress.step >= progress.steps

"""Whatever workers do and in whatever order, a job is done once, by whoever holds it."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.errors import LeaseLost
from models.registry.records import JobState, Lease, Progress
from models.registry.registry import Registry
from models.registry.stores.announcements import TRAINING
from tests.contract.clocks import HandClock
from tests.contract.registry import model, request, trained

LEASE_S = 10.0
QUEUED, RUNNING, SUCCEEDED, CANCELLED = JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED, JobState.CANCELLED


@dataclass
class Expected:
    """A job as it must be."""

    state: JobState = QUEUED
    token: int = 0
    until: float = 0.0
    cancel_asked: bool = False
    version: str | None = None


class Workers:
    """Does to a registry what it is told, and says at each step whether that is what had to happen."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.engine = open_engine(MetadataConfig(url="sqlite:///:memory:"))
        self.registry = Registry(self.engine, self.clock)
        self.registry.create_tables()
        self.jobs: dict[str, Expected] = {}
        self.leases: list[Lease] = []

    def submit(self, number: int) -> None:
        name = f"job-{number % 3}"
        assert self.registry.jobs.submit(request(name)) == (name not in self.jobs)
        self.jobs.setdefault(name, Expected())

    def wait(self, number: int) -> None:
        self.clock.now += LEASE_S / (1 + number % 2)

    def claim(self, _: int) -> None:
        abandoned = [one for one in self.jobs.values() if one.state is RUNNING and one.until <= self.clock.now]
        for job in abandoned:
            job.state = CANCELLED if job.cancel_asked else QUEUED
        free = {name for name, job in self.jobs.items() if job.state is QUEUED}
        lease = self.registry.jobs.claim("somebody", LEASE_S)
        assert (lease is not None) == bool(free)
        if lease is not None:
            job = self.jobs[lease.job.job_id]
            assert lease.job.job_id in free
            assert lease.token == job.token + 1
            job.state, job.token, job.until = RUNNING, lease.token, self.clock.now + LEASE_S
            self.leases.append(lease)
        for job in abandoned:
            if job.state is QUEUED:  # nobody took it yet
                job.state = RUNNING

    def progress(self, number: int) -> None:
        lease, job = self.one(number)
        if self.allowed(lease, lambda: self.registry.jobs.progress(lease, Progress(), LEASE_S)):
            job.until = self.clock.now + LEASE_S

    def finish(self, number: int) -> None:
        lease, job = self.one(number)
        version = f"{lease.job.job_id}/{lease.token}"

        def done() -> None:
            self.registry.jobs.finish(lease, model(version), [trained(version)])

        if (job.state, job.version) == (SUCCEEDED, version):
            done()  # once more, as the answer of the database may have been lost
        elif self.allowed(lease, done):
            job.state, job.version = SUCCEEDED, version

    def fail(self, number: int) -> None:
        lease, job = self.one(number)
        if self.allowed(lease, lambda: self.registry.jobs.fail(lease, "no")):
            job.state = CANCELLED if job.cancel_asked else JobState.FAILED

    def release(self, number: int) -> None:
        lease, job = self.one(number)
        self.registry.jobs.release(lease)
        if self.holds(lease):
            job.state = CANCELLED if job.cancel_asked else QUEUED

    def cancel(self, number: int) -> None:
        name = f"job-{number % 3}"
        job = self.jobs.get(name)
        assert self.registry.jobs.cancel(name) == (job is not None and not job.state.ended)
        if job is not None and not job.state.ended:
            job.cancel_asked = True
            job.state = CANCELLED if job.state is QUEUED else job.state

    def one(self, number: int) -> tuple[Lease, Expected]:
        """One of the leases that were ever given; the latest are the likeliest."""
        lease = self.leases[-1 - number % len(self.leases)]
        return lease, self.jobs[lease.job.job_id]

    def holds(self, lease: Lease) -> bool:
        job = self.jobs[lease.job.job_id]
        return (job.token, job.state) == (lease.token, RUNNING)

    def allowed(self, lease: Lease, act: Callable[[], object]) -> bool:
        """Does it, and says whether that worked: it must if the lease is held, and must not otherwise."""
        held = self.holds(lease)
        try:
            act()
        except LeaseLost:
            assert not held
            return False
        assert held
        return True

    def judge(self) -> None:
        found = {job.job_id: (job.state, job.token, job.model_version) for job in self.registry.jobs.list()}
        assert found == {name: (job.state, job.token, job.version) for name, job in self.jobs.items()}
        wanted = {job.version for job in self.jobs.values() if job.state is SUCCEEDED}
        told = [getattr(event, "model_version", None) for event in self.registry.announcements(TRAINING).waiting()]
        assert {one.version for one in self.registry.models.list()} == wanted
        assert sorted(map(str, told)) == sorted(map(str, wanted))


ALONE = (Workers.submit, Workers.wait, Workers.wait, Workers.claim, Workers.claim, Workers.claim, Workers.cancel)
WITH_A_LEASE = (Workers.progress, Workers.progress, Workers.finish, Workers.fail, Workers.release)
STEPS = st.lists(st.tuples(st.sampled_from(ALONE + WITH_A_LEASE), st.integers(0, 5)), min_size=20, max_size=30)


@settings(max_examples=60)
@given(steps=STEPS)
def test_a_job_is_done_once_by_whoever_holds_it(steps: list[tuple[Callable[[Workers, int], None], int]]) -> None:
    workers = Workers()
    for number in range(3):
        workers.submit(number)
    for step, number in steps:
        if step in ALONE or workers.leases:
            step(workers, number)
    workers.judge()
    workers.engine.dispose()

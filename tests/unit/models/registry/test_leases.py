"""Whatever workers do and in whatever order, a job is done once, by whoever holds it."""

from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.errors import LeaseLost
from models.registry.records import JobState, Lease, Progress
from models.registry.registry import Registry
from models.registry.stores.announcements import TRAINING
from tests.contract.clocks import HandClock
from tests.contract.registry import model, request, trained

LEASE_S = 10.0
QUEUED, RUNNING, SUCCEEDED = JobState.QUEUED, JobState.RUNNING, JobState.SUCCEEDED


@dataclass
class Expected:
    """A job as it must be."""

    state: JobState = QUEUED
    token: int = 0
    until: float = 0.0
    cancel_asked: bool = False
    version: str | None = None


class Workers(RuleBasedStateMachine):
    leases: Bundle[Lease] = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.clock = HandClock()
        self.engine = open_engine(MetadataConfig(url="sqlite:///:memory:"))
        self.registry = Registry(self.engine, self.clock)
        self.registry.create_tables()
        self.jobs: dict[str, Expected] = {}

    def teardown(self) -> None:
        self.engine.dispose()

    def free(self) -> set[str]:
        """Jobs that may be claimed."""
        return {
            name
            for name, job in self.jobs.items()
            if job.state is QUEUED or (job.state is RUNNING and job.until <= self.clock.now and not job.cancel_asked)
        }

    def holds(self, lease: Lease) -> Expected | None:
        job = self.jobs[lease.job.job_id]
        return job if (job.token, job.state) == (lease.token, RUNNING) else None

    def refused(self, lease: Lease, act: Callable[[], object]) -> bool:
        """Does it, and says whether the lease was lost; it must be exactly if somebody else holds the job."""
        held = self.holds(lease) is not None
        try:
            act()
        except LeaseLost:
            assert not held
            return True
        assert held
        return False

    @rule(number=st.integers(0, 3))
    def submit(self, number: int) -> None:
        name = f"job-{number}"
        assert self.registry.jobs.submit(request(name)) == (name not in self.jobs)
        self.jobs.setdefault(name, Expected())

    @rule(seconds=st.sampled_from([1.0, 6.0, LEASE_S]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(target=leases, owner=st.sampled_from("ab"))
    def claim(self, owner: str) -> Lease | None:
        free = self.free()
        for job in self.jobs.values():
            if job.state is RUNNING and job.cancel_asked and job.until <= self.clock.now:
                job.state = JobState.CANCELLED
        lease = self.registry.jobs.claim(owner, LEASE_S)
        assert (lease is not None) == bool(free)
        if lease is not None:
            job = self.jobs[lease.job.job_id]
            assert lease.job.job_id in free
            assert lease.token == job.token + 1
            job.state, job.token, job.until = RUNNING, lease.token, self.clock.now + LEASE_S
        return lease

    @rule(lease=leases)
    def progress(self, lease: Lease | None) -> None:
        if lease and not self.refused(lease, lambda: self.registry.jobs.progress(lease, Progress(), LEASE_S)):
            job = self.holds(lease)
            assert job is not None
            job.until = self.clock.now + LEASE_S

    @rule(lease=leases)
    def finish(self, lease: Lease | None) -> None:
        if lease is None:
            return
        version = f"{lease.job.job_id}/{lease.token}"
        done = lambda: self.registry.jobs.finish(lease, model(version), [trained(version)])  # noqa: E731
        job = self.jobs[lease.job.job_id]
        if (job.state, job.version) == (SUCCEEDED, version):
            done()  # once more, as the answer of the database may have been lost
        elif not self.refused(lease, done):
            job.state, job.version = SUCCEEDED, version

    @rule(lease=consumes(leases))
    def fail(self, lease: Lease | None) -> None:
        if lease and not self.refused(lease, lambda: self.registry.jobs.fail(lease, "no")):
            job = self.holds(lease)
            assert job is not None
            job.state = JobState.CANCELLED if job.cancel_asked else JobState.FAILED

    @rule(lease=consumes(leases))
    def release(self, lease: Lease | None) -> None:
        if lease is None:
            return
        self.registry.jobs.release(lease)
        if (job := self.holds(lease)) is not None:
            job.state = JobState.CANCELLED if job.cancel_asked else QUEUED

    @rule(number=st.integers(0, 3))
    def cancel(self, number: int) -> None:
        job = self.jobs.get(f"job-{number}")
        assert self.registry.jobs.cancel(f"job-{number}") == (job is not None and not job.state.ended)
        if job is not None and not job.state.ended:
            job.cancel_asked = True
            job.state = JobState.CANCELLED if job.state is QUEUED else job.state

    @invariant()
    def every_job_is_as_expected(self) -> None:
        found = {job.job_id: (job.state, job.token, job.model_version) for job in self.registry.jobs.list()}
        assert found == {name: (job.state, job.token, job.version) for name, job in self.jobs.items()}

    @invariant()
    def each_job_that_succeeded_has_one_model_and_one_event(self) -> None:
        wanted = {job.version for job in self.jobs.values() if job.state is SUCCEEDED}
        told = self.registry.announcements(TRAINING).waiting()
        assert {one.version for one in self.registry.models.list()} == wanted
        assert {getattr(event, "model_version", None) for event in told} == wanted


TestWorkers = Workers.TestCase
TestWorkers.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

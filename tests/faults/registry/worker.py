"""A process that works on a registry until it is killed or all is done: `worker WHAT URL JOURNAL NAME GOAL [careless]`.

`promoting`: begins rollouts, switches, ends them and takes them back, in a race with others that do the same.
`training`: claims jobs, reports, finishes. What it achieved it writes into its journal after the database has said so.
"""

import random
import sys
import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.errors import LeaseLost
from models.registry.records import Lease, Progress, Rollout, RolloutState
from models.registry.registry import Registry
from schemas.training import ReleaseKind
from streams.errors import Unavailable
from tests.contract.registry import model, rollout, trained
from tests.faults.registry.careless import CarelessJobs, CarelessRollouts

LEASE_S = 0.4


class Worker:
    def __init__(self, registry: Registry, journal: Path, name: str, goal: int) -> None:
        self.registry = registry
        self.name = name
        self.goal = goal
        self.chance = random.Random(name)
        self._journal = journal.open("a", buffering=1)

    def promote(self) -> bool:
        """One step on the way of a rollout; False once there are generations enough."""
        live = self.registry.generations.live()
        number = live.number if live else 0
        if number >= self.goal:
            return False
        current = self.registry.rollouts.current()
        if current is None:
            self.registry.rollouts.begin(self._candidate(live.model_version if live else "m-0"))
        elif current.state is not RolloutState.WATCHING:
            self._switch(current, number, ReleaseKind.RELEASE)
        elif self.chance.random() < 0.3:
            self._switch(current, number, ReleaseKind.ROLLBACK)
        else:
            self.registry.rollouts.change(replace(current, state=RolloutState.DONE))
        return True

    def train(self) -> bool:
        """One job, if there is one; False once enough have ended."""
        if (lease := self.registry.jobs.claim(self.name, LEASE_S)) is None:
            return sum(job.state.ended for job in self.registry.jobs.list(10_000)) < self.goal
        try:
            for step in range(3):
                self.registry.jobs.progress(lease, Progress("training", step, 3), LEASE_S)
                time.sleep(0.03)
            self._finish(lease)
        except LeaseLost:
            self._say(f"lost {lease.job.job_id}")
        return True

    def _finish(self, lease: Lease) -> None:
        version = f"{lease.job.job_id}/{lease.token}"  # each lease would make another model
        self.registry.jobs.finish(lease, model(version), [trained(version)])
        self._say(f"finished {lease.job.job_id}")

    def _switch(self, current: Rollout, number: int, kind: ReleaseKind) -> None:
        if self.registry.rollouts.switch(current, number, kind, released_by=self.name) is not None:
            self._say(f"won {number + 1}")

    def _candidate(self, previous: str) -> Rollout:
        version = f"m-{uuid4()}"
        names = {"model_version": version, "encoder_version": version}
        return replace(
            rollout(1, previous_version=previous, previous_encoder_version=previous, **names), rollout_id=str(uuid4())
        )

    def _say(self, what: str) -> None:
        self._journal.write(f"{what} {self.name}\n")


def main(what: str, url: str, journal: str, name: str, goal: str, *careless: str) -> None:
    registry = Registry(open_engine(MetadataConfig(url=url, busy_timeout_s=20)))
    if careless:
        registry.rollouts = CarelessRollouts(registry.engine)
        registry.jobs = CarelessJobs(registry)
    worker = Worker(registry, Path(journal), name, int(goal))
    step = worker.promote if what == "promoting" else worker.train
    while True:
        try:
            if not step():
                return
        except Unavailable as error:
            sys.stderr.write(f"{error}\n")
        time.sleep(0.002)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Four processes at once on one registry, some of which are killed or held up; and what they leave behind, judged."""

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from models.registry.records import Generation, JobState
from models.registry.registry import Registry
from models.registry.stores.announcements import ROLLOUT, TRAINING
from schemas.event import Event
from schemas.training import ModelReleased, ModelTrained

ROOT = Path(__file__).resolve().parents[3]
CROWD = 4
HELD_UP_S = 0.8
"""Longer than a lease."""


@dataclass
class Crowd:
    """Keeps four workers running until all is done, and harms one of them every now and then."""

    what: str
    url: str
    folder: Path
    goal: int
    harms: int
    careless: bool = False
    killed: int = 0
    held_up: int = 0
    _chance: random.Random = field(default_factory=lambda: random.Random(5))
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _born: int = 0

    @property
    def journal(self) -> list[list[str]]:
        """What the workers say that they achieved, by words."""
        return [line.split() for line in (self.folder / "journal").read_text().splitlines()]

    def run(self, limit_s: float) -> None:
        """Ends when the workers have found that all is done. Raises TimeoutError."""
        deadline = time.monotonic() + limit_s
        self._running = [self._spawn() for _ in range(CROWD)]
        try:
            while any(worker.poll() is None for worker in self._running):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"{self.what} was not done after {limit_s} s")
                time.sleep(self._chance.uniform(0.02, 0.3))
                self._harm()
        finally:
            for worker in self._running:
                worker.kill()
                worker.wait(30)

    def _harm(self) -> None:
        if self.killed + self.held_up >= self.harms or not (self.folder / "journal").exists():
            return
        place = self._chance.randrange(CROWD)
        victim = self._running[place]
        if victim.poll() is not None:
            return
        if self.what == "training" and (self.careless or self._chance.random() < 0.5):
            victim.send_signal(signal.SIGSTOP)
            time.sleep(HELD_UP_S)
            victim.send_signal(signal.SIGCONT)
            self.held_up += 1
        else:
            victim.kill()
            victim.wait(30)
            self.killed += 1
            self._running[place] = self._spawn()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._born += 1
        said = [self.what, self.url, str(self.folder / "journal"), f"w{self._born}", str(self.goal)]
        careless = ["careless"] if self.careless else []
        return subprocess.Popen([sys.executable, "-m", "tests.faults.registry.worker", *said, *careless], cwd=ROOT)


def told(registry: Registry, stage: str) -> list[Event]:
    """All that is to be published, as a stage publishes it."""
    announcements = registry.announcements(stage)
    events: list[Event] = []
    while batch := announcements.tick():
        events += batch
    return events


def releases_judged(registry: Registry, journal: Sequence[Sequence[str]]) -> list[str]:
    """What is wrong with the generations: gaps, two winners, a chain that is broken, events too many or too few."""
    history = sorted(registry.generations.history(100_000), key=lambda one: one.number)
    numbers = [one.number for one in history]
    events = [event for event in told(registry, ROLLOUT) if isinstance(event, ModelReleased)]
    wrong = [] if numbers == [*range(1, len(numbers) + 1)] else [f"generations have gaps: {numbers}"]
    wrong += _winners_judged({one.number: one for one in history}, journal)
    wrong += [
        f"generation {after.number} replaces another model than {before.number} released"
        for before, after in pairwise(history)
        if after.previous_version != before.model_version
    ]
    if (published := [event.generation for event in events]) != numbers:
        wrong.append(f"generations were told as {published}")
    if [event.model_version for event in events] != [one.model_version for one in history]:
        wrong.append("another model was told than was released")
    return wrong


def _winners_judged(history: dict[int, Generation], journal: Sequence[Sequence[str]]) -> list[str]:
    won = [(int(number), name) for what, number, name in journal if what == "won"]
    counts = Counter(number for number, _ in won)
    wrong = [f"generation {number} was won {count} times" for number, count in counts.items() if count > 1]
    return wrong + [
        f"generation {number} is not {name}'s who won it"
        for number, name in won
        if number not in history or history[number].released_by != name
    ]


def jobs_judged(registry: Registry, journal: Sequence[Sequence[str]]) -> list[str]:
    """What is wrong with the jobs: not done, done twice, a model or an event too many or too few."""
    jobs = registry.jobs.list(100_000)
    wrong = [f"{job.job_id} is {job.state}" for job in jobs if job.state is not JobState.SUCCEEDED]
    finished = Counter(job_id for what, job_id, _ in journal if what == "finished")
    wrong += [f"{job_id} was finished {count} times" for job_id, count in finished.items() if count > 1]
    versions = sorted(str(job.model_version) for job in jobs)
    if sorted(model.version for model in registry.models.list(100_000)) != versions:
        wrong.append("there are other models than jobs made")
    events = [event.model_version for event in told(registry, TRAINING) if isinstance(event, ModelTrained)]
    if sorted(events) != versions:
        wrong.append("other models were told than jobs made")
    return wrong

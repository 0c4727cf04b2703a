"""The controller: publishes a plan while it kills workers and broker, by fuses and at random, from one seed.

Every worker has an agenda of deaths and is started again after each; with the last one behind it, it may live. All
processes are started, and killed by their own id, from the main thread; only publishing has a thread of its own.
"""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.failpoints import Fuse, Point
from tests.faults.ledger import Ledger
from tests.faults.mill import Mill, WorkerProcess
from tests.faults.plan import Operation
from tests.faults.publisher import Publisher, old_records

AT_RANDOM = "random"
OVERDUE_S = 40.0
"""A fuse that nothing has lit by then is replaced by a kill."""
SLOW = {"recording": 45.0}
"""Its batches are large, and take as long as everybody else leaves the machine to it."""
TICK_S = 0.05
SAY_EVERY_S = 5.0
POINTLESS = {("embedding", Point.MID_SINK), ("recording", Point.MID_PUBLISH)}
"""Embedding has no sink and recording publishes nothing."""
FIRST = {"curation": 0, "embedding": 2, "indexing": 4, "recording": 0}
"""Where in the list of points a stage begins, so that a few deaths of each meet all of them."""
DISTURBED = ("items.curated", "items.embedded")


@dataclass(frozen=True, slots=True)
class Death:
    """How a life is to end: at a fuse, or some seconds after its start."""

    after_s: float
    fuse: Fuse | None = None


def agenda(stage: str, deaths: int, rng: random.Random) -> Iterator[Death]:
    """Every failpoint of the stage in turn, and now and then a random moment, which may lie within its start."""
    points = [point for point in Point if (stage, point) not in POINTLESS]
    for number in range(FIRST[stage], FIRST[stage] + deaths):
        turn, within = divmod(number, len(points) + 2)
        if within >= len(points):
            yield Death(rng.uniform(0.5, 5.0))
            continue
        count = (
            rng.randint(1, 200)
            if points[within] is Point.MID_PUBLISH
            else rng.randint(1, 2 if stage == "recording" else 4 + turn)
        )
        yield Death(SLOW.get(stage, OVERDUE_S), Fuse(stage, points[within], count))


@dataclass
class Victim:
    """A worker that dies and comes back."""

    stage: str
    start: Callable[[Fuse | None], WorkerProcess]
    deaths: Iterator[Death]
    kills: Counter[str]
    worker: WorkerProcess | None = None
    death: Death | None = None
    born: float = 0.0

    def step(self) -> None:
        """Notices a death and starts the next life, or brings a death about that is due."""
        if self.worker is None:
            self._live()
        elif (code := self.worker.exit_code) is not None:
            assert code == -signal.SIGKILL, f"{self.stage} ended by itself ({code}): {self.worker.last_words()}"
            assert self.death is not None, f"{self.stage} was killed, but not by us"
            assert self.death.fuse is not None, f"{self.stage} was killed, but not by us"
            self.kills[self.death.fuse.point] += 1
            self._live()
        elif self.death is not None and time.monotonic() - self.born > self.death.after_s:
            self.worker.kill()
            self.kills[AT_RANDOM] += 1
            self._live()

    @property
    def done(self) -> bool:
        return self.worker is not None and self.death is None

    def _live(self) -> None:
        self.death = next(self.deaths, None)
        self.worker = self.start(self.death.fuse if self.death else None)
        self.born = time.monotonic()


@dataclass
class Chaos:
    """One run over a plan. `kills` counts, by process and point, what was done."""

    mill: Mill
    ledger: Ledger
    operations: Sequence[Operation]
    deaths: dict[str, int]
    """How often each worker is killed; `broker` too."""
    records_per_s: float
    """Pace of publishing while there is somebody left to kill; records in flight are what makes a kill matter."""
    seed: int
    limit_s: float
    kills: dict[str, Counter[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._publisher = Publisher(self.mill.kafka, self.ledger)
        self._killing = threading.Event()
        self._failure: BaseException | None = None
        self._sent = 0
        self._began = self._said = time.monotonic()

    def run(self) -> None:
        """Kills until all agendas are done and everything is published, then waits until everything is read."""
        self._killing.set()
        publishing = threading.Thread(target=self._publish, name="publish", daemon=True)
        publishing.start()
        victims = [self._victim(stage) for stage in self.mill.stages]
        outages = self._outages()
        while not all(victim.done for victim in victims) or outages or publishing.is_alive():
            self._tick(victims, outages)
            if all(victim.done for victim in victims) and not outages:
                self._killing.clear()
        assert self._failure is None, f"publishing failed: {self._failure!r}"
        self._settle(victims)

    def _victim(self, stage: str) -> Victim:
        kills = self.kills[stage] = Counter()
        deaths = agenda(stage, self.deaths[stage], random.Random(f"{self.seed}/{stage}"))
        return Victim(stage, lambda fuse: self.mill.worker(stage, die_at=fuse), deaths, kills)

    def _outages(self) -> list[float]:
        """When the broker is killed: seconds after the beginning, evenly over the expected length, latest first."""
        length = len(self.operations) / self.records_per_s
        number = self.deaths.get("broker", 0)
        self.kills["broker"] = Counter()
        return [length * (at - self._rng.uniform(0.3, 0.7)) / number for at in range(number, 0, -1)]

    def _tick(self, victims: Sequence[Victim], outages: list[float]) -> None:
        for victim in victims:
            victim.step()
        elapsed = time.monotonic() - self._began
        if outages and elapsed > outages[-1]:
            outages.pop()
            self.mill.broker.kill()
            self.kills["broker"][AT_RANDOM] += 1
            self.mill.broker.start()
        assert elapsed < self.limit_s, f"not done within {self.limit_s:g} s: {self.summary()}"
        if time.monotonic() - self._said > SAY_EVERY_S:
            self.say()
        time.sleep(TICK_S)

    def _publish(self) -> None:
        """In chunks at the pace; at the end of every tenth of the plan, old records come again downstream."""
        try:
            chunk = max(1, int(self.records_per_s / 4))
            for start in range(0, len(self.operations), chunk):
                self._publisher.publish(self.operations[start : start + chunk])
                self._sent = start + chunk
                if start // (tenth := len(self.operations) // 10) != self._sent // tenth:
                    self._disturb(0.02)
                self._keep_pace(start + chunk)
        except BaseException as error:
            self._failure = error
            raise

    def _keep_pace(self, sent: int) -> None:
        """The last tenth goes out slowly as long as there is killing, so that fuses have something to light them."""
        slow = sent > 0.9 * len(self.operations)
        wait = 2.0 if slow else self._began + sent / self.records_per_s - time.monotonic()
        end = time.monotonic() + wait
        while self._killing.is_set() and time.monotonic() < end:
            time.sleep(0.02)

    def _disturb(self, share: float) -> None:
        for topic in DISTURBED:
            self._publisher.copy(topic, old_records(self.mill.kafka, topic, share, self._rng))

    def _settle(self, victims: Sequence[Victim]) -> None:
        """All is read; then every stage reads from the beginning once more, and old records come after new ones."""
        workers = [victim.worker for victim in victims if victim.worker is not None]
        self._until_read(workers)
        self.say("all read; now everything again, and old records after new ones")
        for stage, worker in zip(self.mill.stages, workers, strict=True):
            assert worker.replay(stage), f"{stage} did not take the order to replay"
        self._disturb(0.5)
        time.sleep(2.0)  # a replay is taken up after the batch in hand
        self._until_read(workers)
        for worker in workers:
            assert worker.stop() == 0, worker.last_words()
        self._publisher.close()

    def _until_read(self, workers: Sequence[WorkerProcess]) -> None:
        def still_well() -> None:
            for worker in workers:
                worker.well()

        self.mill.wait_until_read(max(30.0, self._began + self.limit_s - time.monotonic()), still_well)

    def say(self, what: str = "") -> None:
        self._said = time.monotonic()
        kills = {name: sum(counter.values()) for name, counter in self.kills.items()}
        elapsed = self._said - self._began
        print(f"{elapsed:5.0f} s  {min(self._sent, len(self.operations))} records  kills {kills}  {what}", flush=True)  # noqa: T201

    @property
    def killed(self) -> int:
        return sum(sum(counter.values()) for counter in self.kills.values())

    def summary(self) -> str:
        """Kills by process and point, as a table."""
        columns = [*Point, AT_RANDOM]
        lines = ["".join(f"{name:>14}" for name in ("process", *columns))]
        for name, counter in self.kills.items():
            lines.append("".join(f"{cell:>14}" for cell in (name, *(counter[column] or "-" for column in columns))))
        return "\n".join(lines)

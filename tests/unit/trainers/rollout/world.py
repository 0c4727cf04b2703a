"""A registry on a database in memory, a clock moved by hand, and the parts that a rollout asks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from uuid import UUID, uuid5

from sqlalchemy import Engine

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.records import Model, ModelKind, Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.standing import Watch
from models.registry.stores.announcements import ROLLOUT
from schemas.event import Event
from schemas.training import ModelEvaluated, ModelReleased, RolloutProgressed
from tests.contract.clocks import HandClock
from trainers.rollout.conductor import Conductor
from trainers.rollout.config import RolloutConfig
from trainers.rollout.guardrails.config import GuardrailsConfig

BASELINE = "configured-1"
QUICK = RolloutConfig(
    settle_s=1,
    canary_s=2,
    canary_searches=0,
    watch_s=5,
    drain_s=1,
    verify_every_s=0,
    guardrails=GuardrailsConfig(
        margin_s=0, stand_in_s=0, click_wait_s=1, note_every_s=0.05, min_latencies=10, slow_at_least_ms=0
    ),
)
NAMES = UUID("8f0f3c52-6f0b-4ad7-9e0a-27f9a3b9a6aa")


@dataclass
class Rooms:
    """Vector spaces by name alone; there is one for whatever is written."""

    written: Callable[[], Sequence[str]]
    names: set[str] = field(default_factory=set)
    meanwhile: Callable[[], object] = lambda: None
    """Happens right after somebody has looked which there are."""

    def spaces(self) -> Sequence[str]:
        self.names |= set(self.written())
        found = sorted(self.names)
        self.meanwhile()
        return found

    def drop(self, model_version: str) -> bool:
        there = model_version in self.names
        self.names -= {model_version}
        return there


class World:
    """Everything around the conductor. What it says can be changed at any time."""

    def __init__(
        self,
        config: RolloutConfig = QUICK,
        engine: Engine | None = None,
        baseline: str = BASELINE,
        clock: HandClock | None = None,
    ) -> None:
        self.config = config
        self.clock = clock or HandClock()
        self.registry = Registry(engine or open_engine(MetadataConfig(url="sqlite://")), self.clock)
        self.registry.create_tables()
        self.watch = Watch(self.registry, baseline, refresh_s=0, clock=self.clock)
        self.rooms = Rooms(lambda: self.watch.fresh().written)
        self.loaded: set[str] = {baseline}
        self.backfilled = True
        self.difference = ""
        self._announcements = self.registry.announcements(ROLLOUT)

    def conductor(self) -> Conductor:
        return Conductor(
            self.registry,
            self.watch,
            self.rooms,
            lambda: frozenset(self.loaded),
            lambda rollout: self.difference,
            self.config,
            self.clock,
        )

    def model(self, version: str, encoder: str | None = None) -> str:
        """Registers a model and its space, ready to be searched."""
        kind = ModelKind.ENCODER if encoder is None else ModelKind.HEAD
        self.registry.models.register(Model(version, kind, encoder or version))
        self.loaded.add(encoder or version)
        return version

    def verdict(self, version: str, passed: bool = True, needs_approval: bool = False) -> ModelEvaluated:
        """The gate's word on a model, compared with what serves now; kept."""
        fact = ModelEvaluated(
            event_id=uuid5(NAMES, f"verdict/{version}/{self.clock.now}"),
            model_version=version,
            live_version=self.watch.fresh().model_version,
            metrics=(),
            passed=passed,
            reasons=("recall@10 is worse by 0.2",) if not passed else (),
            seed=1,
            needs_approval=needs_approval,
        )
        self.registry.evaluations.ask(str(fact.event_id), version, "{}")
        self.registry.evaluations.finish(str(fact.event_id), fact)
        return fact

    def candidate(self, version: str = "candidate-1", encoder: str | None = None) -> ModelEvaluated:
        """A model that the gate let through."""
        return self.verdict(self.model(version, encoder))

    def run(self, seconds: float, step_s: float = 0.5) -> None:
        """A conductor looks again and again while time passes."""
        conductor = self.conductor()
        for _ in range(round(seconds / step_s)):
            while conductor.look() or self.backfill():
                pass
            self.clock.now += step_s

    def backfill(self) -> bool:
        """What the embedding process does: writes down that older items are embedded anew."""
        rollout = self.registry.rollouts.current()
        if not self.backfilled or rollout is None or rollout.state is not RolloutState.BACKFILLING or rollout.marks:
            return False
        done = {"complete": True, "done": 7, "total": 7, "owner": "the embedding process"}
        return self.registry.rollouts.change(replace(rollout, marks={"backfill": done})) is not None

    def rollout(self) -> Rollout:
        """The latest one."""
        return self.registry.rollouts.list(1)[0]

    def live(self) -> str:
        return self.watch.fresh().model_version

    def told(self) -> list[Event]:
        """Everything announced since the last time."""
        found: list[Event] = []
        while events := self._announcements.tick():
            found += events
        return found

    def steps_told(self) -> list[str]:
        return [f"{one.step} {one.state}" for one in self.told() if isinstance(one, RolloutProgressed)]

    def releases_told(self) -> list[tuple[int, str]]:
        return [(one.generation, one.model_version) for one in self.told() if isinstance(one, ModelReleased)]


@contextmanager
def generations_without_a_gap(world: World) -> Iterator[None]:
    """Whatever happens meanwhile, each generation follows the one before and names it."""
    yield
    history = sorted(world.registry.generations.history(1000), key=lambda one: one.number)
    assert [one.number for one in history] == list(range(1, len(history) + 1))
    for before, after in pairwise(history):
        assert after.previous_version == before.model_version

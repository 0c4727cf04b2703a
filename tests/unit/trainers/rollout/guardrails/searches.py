"""Searches of people, with the boring fields carried."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from models.registry.records import RolloutState
from models.registry.standing import Standing
from schemas.event import Event
from schemas.searches import FeedbackGiven, Hit, SearchServed
from streams.record import Origin
from streams.stage import Incoming
from tests.unit.trainers.rollout.world import World
from trainers.rollout.guardrails.stage import guardrails_stage

HIT = Hit(item_id="a", version=1, position=1, score=1.0, propensity=1.0)
PLACE = Origin("searches.served", 0, 0)


def served(world: World, arm: str = "live", **facts: object) -> SearchServed:
    said: dict[str, object] = {"hits": (HIT,), "latency_ms": 10.0, "arm": arm} | facts
    if "generation" not in said:
        said["generation"] = world.watch.fresh().generation
    said.setdefault("occurred_at", datetime.fromtimestamp(world.clock.now, UTC))
    return SearchServed(
        query_text="red shoes",
        k=10,
        policy="vector",
        model_version="whoever",
        **said,  # type: ignore[arg-type]
    )


def clicked(search: SearchServed, kind: str = "click", value: float | None = None) -> FeedbackGiven:
    return FeedbackGiven(
        tenant=search.tenant, impression_id=search.event_id, kind=kind, item_id="a", value=value, consent=True
    )


class People:
    """They search through both arms of whatever is under way, and click."""

    def __init__(self, world: World, seed: int = 1) -> None:
        self.world = world
        self.stage = guardrails_stage(world.registry, world.watch, world.config, world.clock)
        self._chance = random.Random(seed)

    def search(self, number: int, new: "Habit", old: "Habit") -> None:
        """So many searches, one every twenty milliseconds, read ten at a time; each model answers as its habit is."""
        assert self.stage.tick is not None
        for start in range(0, number, 10):
            standing, facts = self.world.watch.fresh(), list[Event]()
            for _ in range(min(10, number - start)):
                facts += self._facts(standing, new, old)
                self.world.clock.now += 0.02
            self.read(facts)
        self.stage.tick()

    def read(self, facts: Sequence[Event]) -> None:
        self.stage.outcomes([Incoming(fact, PLACE) for fact in facts])

    def _facts(self, standing: Standing, new: "Habit", old: "Habit") -> list[Event]:
        rollout = standing.rollout
        state = rollout.state if rollout else None
        by_lot = rollout is not None and self._chance.random() < rollout.share
        if state is RolloutState.CANARY:
            arm, habit = ("candidate", new) if by_lot else ("live", old)
        elif state is RolloutState.WATCHING:
            arm, habit = ("previous", old) if by_lot else ("live", new)
        else:
            arm, habit = "live", old
        return self._answered(standing.generation, arm, habit)

    def _answered(self, generation: int, arm: str, habit: "Habit") -> list[Event]:
        latency_ms = habit.latency_ms * self._chance.uniform(0.5, 1.5)
        if self._chance.random() < habit.failed:
            answer = served(self.world, "live" if arm == "previous" else "previous", generation=generation)
            failed = SearchServed.following(
                answer, part=arm, **answer.model_dump(include={"query_text", "k", "policy", "model_version"}),
                occurred_at=answer.occurred_at, generation=answer.generation, latency_ms=latency_ms, hits=(),
                arm=arm, outcome="failed",
            )  # fmt: skip
            return [answer, failed]
        empty = self._chance.random() < habit.empty
        search = served(self.world, arm, generation=generation, latency_ms=latency_ms, hits=() if empty else (HIT,))
        liked = not empty and self._chance.random() < habit.clicked
        return [search, clicked(search)] if liked else [search]


class Habit:
    """How a model answers."""

    def __init__(self, clicked: float = 0.5, failed: float = 0.0, empty: float = 0.0, latency_ms: float = 10.0) -> None:
        self.clicked = clicked
        self.failed = failed
        self.empty = empty
        self.latency_ms = latency_ms

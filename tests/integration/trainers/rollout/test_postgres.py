"""Conductors of several processes on one PostgreSQL, where writers do meet half-way: every step is taken once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.registry.records import RolloutState
from tests.integration.postgres import empty_database
from tests.unit.trainers.rollout.world import BASELINE, World, generations_without_a_gap
from trainers.rollout.beginning import NotReleasable, Wish, promote
from trainers.rollout.going_back import roll_back

TOGETHER = 4


@pytest.fixture
def world(postgres_url: str) -> Iterator[World]:
    with empty_database(postgres_url) as engine:
        yield World(engine=engine)


def lead_together(world: World) -> None:
    """Conductors look as fast as they can until every rollout has ended and the old space is gone."""
    over = threading.Event()

    def look() -> None:
        conductor = world.conductor()
        while not over.is_set():
            if not conductor.look():
                world.backfill()

    with ThreadPoolExecutor(TOGETHER) as processes:
        looking = [processes.submit(look) for _ in range(TOGETHER)]
        for _ in range(40):
            world.clock.now += 0.5
            over.wait(0.05)
        over.set()
        for one in looking:
            one.result()


def test_conductors_that_meet_take_every_step_once(world: World) -> None:
    world.candidate()
    with generations_without_a_gap(world):
        lead_together(world)
    told = world.steps_told()
    assert len(told) == len(set(told))
    assert world.rollout().state is RolloutState.DONE
    assert world.live() == "candidate-1"


def test_of_all_who_ask_for_a_release_at_once_one_gets_it(world: World) -> None:
    versions = [world.model(f"candidate-{number}") for number in range(TOGETHER)]
    start = threading.Barrier(TOGETHER)

    def ask(version: str) -> bool:
        start.wait()
        try:
            promote(world.registry, world.watch, world.config, version, Wish(force=True), world.clock)
        except NotReleasable:
            return False
        return True

    with ThreadPoolExecutor(TOGETHER) as people:
        assert sum(people.map(ask, versions)) == 1
    assert len(world.registry.rollouts.list()) == 1


def test_of_all_who_go_back_at_once_one_makes_the_generation(world: World) -> None:
    world.candidate()
    while not world.registry.rollouts.list() or world.rollout().state is not RolloutState.WATCHING:
        world.run(0.5)
    start = threading.Barrier(TOGETHER)

    def back(number: int) -> bool:
        start.wait()
        try:
            gone = roll_back(world.registry, world.watch, world.config, Wish(reason=f"person {number}"), world.clock)
        except NotReleasable:
            return False
        return gone.state is RolloutState.ROLLED_BACK

    with generations_without_a_gap(world), ThreadPoolExecutor(TOGETHER) as people:
        assert sum(people.map(back, range(TOGETHER))) == 1
    assert world.live() == BASELINE
    assert len(world.registry.generations.history()) == 2

"""A conductor that dies at any moment, and people who ask for things at any moment: the rollout still finds an end."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from models.registry.records import RolloutState
from schemas.training import ModelReleased
from tests.unit.trainers.rollout.world import BASELINE, World, generations_without_a_gap
from trainers.rollout.beginning import NotReleasable, Wish, promote
from trainers.rollout.going_back import roll_back


class Killed(BaseException):
    """The process is gone."""


class Fuse:
    """Lets some calls of the registry and of the spaces through, then dies before or after one of them."""

    def __init__(self, calls: int, after: bool) -> None:
        self._left = calls
        self._after = after

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def fused(*args: Any, **kwargs: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            found = call(*args, **kwargs)
            if self._left == 0:
                raise Killed
            return found

        return fused


def live(world: World, fuse: Fuse) -> None:
    """One life of a process: a registry of its own with a fuse in it, until that burns or everything has ended."""
    conductor = world.conductor()
    conductor._registry = world.registry.__class__(world.registry.engine, world.clock)
    rollouts = conductor._registry.rollouts
    for name in ("begin", "change", "switch", "list", "current"):
        setattr(rollouts, name, fuse.wrap(getattr(rollouts, name)))
    conductor._spaces = SimpleNamespace(spaces=world.rooms.spaces, drop=fuse.wrap(world.rooms.drop))
    for _ in range(40):
        while conductor.look() or world.backfill():
            pass
        world.clock.now += 1


fuses = st.tuples(st.integers(1, 40), st.booleans())


def ended_well(world: World) -> None:
    rollouts = world.registry.rollouts.list()
    assert all(one.state.ended for one in rollouts)
    assert world.rooms.names == {world.watch.fresh().encoder_version}
    releases = [one for one in world.told() if isinstance(one, ModelReleased)]
    assert [one.generation for one in releases] == list(range(1, len(releases) + 1))
    assert (releases[-1].model_version if releases else BASELINE) == world.live()


@settings(max_examples=25)
@given(st.lists(fuses, max_size=6))
def test_a_rollout_ends_as_it_would_have_however_often_the_conductor_dies(lives: list[tuple[int, bool]]) -> None:
    world = World()
    world.candidate()
    with generations_without_a_gap(world):
        for fuse in lives:
            try:
                live(world, Fuse(*fuse))
            except Killed:
                continue
        world.run(30, step_s=1)
    ended_well(world)
    assert world.live() == "candidate-1"
    assert [one.state for one in world.registry.rollouts.list()] == [RolloutState.DONE]


wishes = st.lists(st.tuples(st.floats(0, 12), st.sampled_from(["back", "release", "verdict"])), max_size=5)


@settings(max_examples=25)
@given(st.lists(fuses, max_size=3), wishes)
def test_whatever_people_ask_for_meanwhile_there_is_one_line_of_generations(
    lives: list[tuple[int, bool]], asked: list[tuple[float, str]]
) -> None:
    world = World()
    world.candidate()
    with generations_without_a_gap(world):
        for number, (after_s, what) in enumerate(asked):
            world.run(after_s)
            ask(world, what, f"candidate-{number + 2}")
            for fuse in lives[number : number + 1]:
                try:
                    live(world, Fuse(*fuse))
                except Killed:
                    continue
        world.run(80, step_s=2)
    ended_well(world)


def ask(world: World, what: str, version: str) -> None:
    try:
        if what == "back":
            roll_back(world.registry, world.watch, world.config, Wish(), world.clock)
        elif what == "release":
            promote(world.registry, world.watch, world.config, world.model(version), Wish(force=True), world.clock)
        else:
            world.candidate(version)
    except NotReleasable:
        return

"""A candidate that breaks: its rollout ends, whatever it was busy with, and what is live goes on."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from consumers.embedding.backfill import backfill_marks, giving_up
from models.encoders.port import Encoder
from models.registry.records import RolloutState
from models.registry.registry import Registry
from models.registry.standing import Watch
from schemas.training import ReleaseKind
from streams.errors import Unavailable
from tests.unit.consumers.embedding.backfill.migration import CANDIDATE, LIVE, migrating
from tests.unit.consumers.embedding.registered import began, hashing_model, moved_on, registry_in

FAULT = "RuntimeError shapes cannot be multiplied"
BEFORE_IT_SERVES = [RolloutState.PREPARING, RolloutState.BACKFILLING, RolloutState.VERIFYING, RolloutState.CANARY]


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    registry = registry_in(tmp_path)
    registry.models.register(hashing_model(CANDIDATE, 1))
    return registry


def give_up(registry: Registry, version: str) -> None:
    giving_up(registry.rollouts, Watch(registry, LIVE))(version, FAULT)


def impossible(registry: Registry) -> str:
    return backfill_marks(registry.rollouts.list(1)[0]).impossible


@pytest.mark.parametrize("state", BEFORE_IT_SERVES)
def test_whatever_a_rollout_is_busy_with_it_is_told_that_its_candidate_breaks(
    registry: Registry, state: RolloutState
) -> None:
    began(registry, CANDIDATE, state)
    give_up(registry, CANDIDATE)
    assert impossible(registry) == FAULT


def test_it_is_told_once(registry: Registry) -> None:
    began(registry, CANDIDATE)
    give_up(registry, CANDIDATE)
    before = registry.rollouts.current()
    give_up(registry, CANDIDATE)
    assert registry.rollouts.current() == before


def test_where_the_backfill_stands_stays(registry: Registry) -> None:
    began(registry, CANDIDATE)
    current = registry.rollouts.current()
    assert current is not None
    current.marks["backfill"] = {"done": 3, "total": 9}  # type: ignore[index]
    registry.rollouts.change(current)
    give_up(registry, CANDIDATE)
    marks = backfill_marks(registry.rollouts.list(1)[0])
    assert (marks.done, marks.total, marks.impossible) == (3, 9, FAULT)


def test_the_items_are_embedded_again_where_the_broken_one_serves_by_now(registry: Registry) -> None:
    began(registry, CANDIDATE, RolloutState.CANARY)
    current = registry.rollouts.current()
    assert current is not None
    assert registry.rollouts.switch(current, 0, ReleaseKind.RELEASE) is not None
    with pytest.raises(Unavailable, match="serves by now"):
        give_up(registry, CANDIDATE)
    assert impossible(registry) == ""


def test_a_previous_model_that_breaks_does_not_end_its_successor(registry: Registry) -> None:
    began(registry, CANDIDATE, RolloutState.CANARY)
    current = registry.rollouts.current()
    assert current is not None
    assert registry.rollouts.switch(current, 0, ReleaseKind.RELEASE) is not None
    give_up(registry, LIVE)
    assert impossible(registry) == ""


def test_a_rollout_that_has_ended_is_left_alone(registry: Registry) -> None:
    began(registry, CANDIDATE)
    moved_on(registry, RolloutState.ABORTED)
    give_up(registry, CANDIDATE)
    assert impossible(registry) == ""


class Breaking:
    """An encoder of the shelf, but for its texts."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def __getattr__(self, name: str) -> object:
        return getattr(self._encoder, name)

    def encode_texts(self, texts: Sequence[str]) -> None:
        raise RuntimeError("shapes cannot be multiplied")


@pytest.mark.parametrize("while_loading", [True, False])
def test_a_candidate_that_breaks_over_older_items_ends_neither_the_process_nor_the_backfills_to_come(
    while_loading: bool,
) -> None:
    with migrating() as world:
        world.publish(0)
        world.embedding.finish()
        world.begin()
        world.fill()
        world.shelf.get(CANDIDATE)

        def get(version: str) -> Encoder:
            if while_loading:
                raise RuntimeError("shapes cannot be multiplied")
            return Breaking(type(world.shelf).get(world.shelf, version))  # type: ignore[return-value]

        world.shelf.get = get  # type: ignore[method-assign]
        while world.backfill.look():
            pass
        assert impossible(world.registry) == FAULT

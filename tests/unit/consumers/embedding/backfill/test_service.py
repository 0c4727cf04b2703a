"""What a backfill does when it is stopped, bounded, not alone, or has nothing to do."""

import pytest

from consumers.embedding.backfill import backfill_marks
from consumers.embedding.backfill.marks import BackfillMarks
from models.registry.records import RolloutState
from streams.errors import Unavailable
from streams.topics import EMBEDDED
from tests.unit.consumers.embedding.backfill.migration import CANDIDATE, LIVE, Migration, migrating
from tests.unit.consumers.embedding.registered import began, hashing_model, moved_on

FOREIGN = "mill-7"


def filled(world: Migration, items: int = 9) -> None:
    """Items in the live space, and a rollout that waits for them in its own."""
    for item in range(items):
        world.publish(item)
    world.embedding.finish()
    world.begin()
    world.fill()


def marks(world: Migration) -> BackfillMarks:
    rollout = world.registry.rollouts.current()
    assert rollout is not None
    return backfill_marks(rollout)


def published(world: Migration) -> int:
    return len(world.broker.records(EMBEDDED.full_name("test")))


def looked(world: Migration, times: int = 50) -> int:
    """How often it looked until there was nothing more to do."""
    return next((done for done in range(1, times) if not world.backfill.look()), times)


def test_without_a_rollout_there_is_nothing_to_do() -> None:
    with migrating() as world:
        world.publish(0)
        assert not world.backfill.look()


def test_it_waits_until_new_items_are_written_in_both_spaces() -> None:
    with migrating() as world:
        world.publish(0)
        world.begin()
        assert not world.backfill.look()
        assert marks(world) == BackfillMarks()


def test_each_item_is_embedded_once_and_the_marks_say_when_it_is_done() -> None:
    with migrating() as world:
        filled(world)
        before = published(world)
        looked(world)
        found = marks(world)
        assert (found.complete, found.done, found.total, found.refused) == (True, 9, 9, 0)
        assert published(world) - before == 9
        assert not world.backfill.look()
        assert published(world) - before == 9


def test_only_the_newest_version_of_an_item_is_embedded_anew() -> None:
    with migrating() as world:
        for _ in range(5):
            world.publish(0)
        filled(world, items=2)
        before = published(world)
        looked(world)
        assert published(world) - before == 2


def test_after_a_crash_it_goes_on_from_its_marks() -> None:
    with migrating() as world:
        filled(world)
        before = published(world)
        for _ in range(4):
            world.backfill.look()
        half = marks(world)
        assert 0 < half.done < 9
        world.restart_backfill()
        looked(world)
        assert (marks(world).complete, marks(world).ends) == (True, half.ends)
        assert published(world) - before == 9


def test_what_came_after_it_began_is_left_to_embedding() -> None:
    with migrating() as world:
        filled(world, items=3)
        world.backfill.look()
        for item in range(20, 30):
            world.publish(item)
        looked(world)
        assert (marks(world).complete, marks(world).total) == (True, 3)


def test_an_item_that_the_candidate_cannot_take_is_counted() -> None:
    with migrating() as world:
        world.publish(5, readable=False)
        filled(world, items=2)
        looked(world)
        assert (marks(world).done, marks(world).refused) == (3, 1)


def test_a_candidate_that_is_not_what_was_registered_is_told_of_once() -> None:
    with migrating() as world:
        world.registry.models.register(hashing_model(FOREIGN, 1))
        world.publish(0)
        began(world.registry, FOREIGN, RolloutState.BACKFILLING)
        looked(world)
        assert marks(world).impossible == f"foreign_model: what is registered as {FOREIGN} makes {CANDIDATE} here"
        before = world.registry.rollouts.current()
        looked(world)
        assert world.registry.rollouts.current() == before


def test_it_ends_when_the_rollout_leaves_its_state() -> None:
    with migrating() as world:
        filled(world)
        world.backfill.look()
        moved_on(world.registry, RolloutState.ABORTED)
        before = published(world)
        assert not world.backfill.look()
        assert published(world) == before


def test_while_the_log_is_away_nothing_is_lost() -> None:
    with migrating() as world:
        filled(world)
        for _ in range(3):
            world.backfill.look()
        world.broker.down = "Kafka is away"
        with pytest.raises(Unavailable):
            world.backfill.look()
        world.broker.down = None
        looked(world)
        world.indexing.finish()
        world.check()


def test_one_of_several_works_until_it_has_not_been_heard_of_for_long() -> None:
    with migrating() as world:
        filled(world)
        world.backfill.look()
        other = world.started("another")
        assert not other.look()
        world.clock.sleep(world.config.backfill_lease_s + 1)
        assert other.look()
        assert marks(world).owner == "another"
        assert not world.backfill.look() or marks(world).owner == "another"


def test_a_bound_on_the_rate_holds_within_every_second() -> None:
    with migrating() as world:
        world.config = world.config.model_copy(update={"backfill_items_per_s": 2.0, "max_records": 64})
        world.restart_backfill()
        filled(world, items=8)
        before, items = world.clock.now, published(world)
        while world.backfill.look():
            assert published(world) - items <= 2 * (world.clock.now - before) + 2
        assert world.clock.now - before == pytest.approx(4.0)


def test_marks_of_others_stay() -> None:
    with migrating() as world:
        filled(world, items=2)
        rollout = world.registry.rollouts.current()
        assert rollout is not None
        rollout.marks["guardrails"] = {"kept": 1}  # type: ignore[index]
        assert world.registry.rollouts.change(rollout) is not None
        looked(world)
        changed = world.registry.rollouts.current()
        assert changed is not None
        assert changed.marks["guardrails"] == {"kept": 1}


def test_both_spaces_can_be_told_apart_afterwards() -> None:
    with migrating() as world:
        filled(world, items=3)
        looked(world)
        world.indexing.finish()
        assert world.index.spaces() == (LIVE, CANDIDATE)
        world.check()

"""Deletes and updates during a migration are neither lost nor resurrected, whatever happens in whatever order."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from consumers.embedding.backfill import newest as looking
from consumers.embedding.spaces import WrittenSpaces
from models.encoders.port import Encoder
from models.vector_index.port import Applied, Entry
from models.vector_index.spaces import VectorSpaces
from schemas.items import ItemCurated
from tests.unit.consumers.embedding.backfill.migration import LIVE, Migration, migrating

Step = Callable[[Migration], object]

ITEMS = st.integers(0, 3)
FEW = st.integers(1, 4)


def step(name: str, *arguments: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[str, tuple[int, ...]]]:
    return st.tuples(st.just(name), st.tuples(*arguments))


HAPPENINGS = st.one_of(
    step("publish", ITEMS),
    step("publish", ITEMS),
    step("unreadable", ITEMS),
    step("withdraw", ITEMS),
    step("withdraw", ITEMS),
    step("reject", ITEMS),
    step("repeat", st.integers(0, 5)),
    step("embed", FEW),
    step("embed_again", FEW),
    step("index", FEW),
    step("index_again", FEW),
    step("fill"),
    step("backfill", FEW),
    step("backfill", FEW),
    step("backfill_dies"),
)
BEFORE, AFTER = st.lists(HAPPENINGS, max_size=12), st.lists(HAPPENINGS, max_size=25)

STEPS: dict[str, Callable[..., object]] = {
    "publish": lambda world, item: world.publish(item),
    "unreadable": lambda world, item: world.publish(item, readable=False),
    "withdraw": lambda world, item: world.withdraw(item),
    "reject": lambda world, item: world.reject(item),
    "repeat": lambda world, ago: world.repeat(ago),
    "embed": lambda world, count: world.embedding.go_on(count),
    "embed_again": lambda world, count: world.embedding.go_back(count),
    "index": lambda world, count: world.indexing.go_on(count),
    "index_again": lambda world, count: world.indexing.go_back(count),
    "fill": lambda world: world.fill(),
    "backfill": lambda world, count: [world.backfill.look() for _ in range(count)],
    "backfill_dies": lambda world: world.restart_backfill(),
}

Happenings = Sequence[tuple[str, tuple[int, ...]]]


def lived(before: Happenings, after: Happenings, make: Callable[[], Migration] = Migration) -> None:
    """What happens before and after the rollout begins; then everything comes to its end and is checked."""
    with migrating(make) as world:
        for name, arguments in before:
            STEPS[name](world, *arguments)
        world.begin()
        for name, arguments in after:
            STEPS[name](world, *arguments)
        world.finish()
        world.check()


@settings(max_examples=60)
@given(BEFORE, AFTER)
def test_both_spaces_end_with_what_the_log_says(before: Happenings, after: Happenings) -> None:
    lived(before, after)


def overtaken(make: Callable[[], Migration] = Migration) -> None:
    """A withdrawal is indexed while the backfill has the older content in hand, and the space is still empty."""
    with migrating(make) as world:
        world.publish(0)
        world.embedding.finish()
        world.indexing.finish()
        world.begin()
        world.fill()
        world.backfill.look()
        world.withdraw(0)
        world.embedding.finish()
        world.indexing.finish()
        world.finish()
        world.check()


def withdrawn_before() -> None:
    """Content and withdrawal were indexed before there was a second space."""
    with migrating() as world:
        world.publish(0)
        world.withdraw(0)
        world.publish(1)
        world.embedding.finish()
        world.indexing.finish()
        world.finish()
        world.check()


def test_an_item_that_was_withdrawn_before_the_rollout_stays_withdrawn() -> None:
    withdrawn_before()


def test_a_withdrawal_that_overtakes_the_backfill_holds() -> None:
    overtaken()


# Each of these must be found out.

HUNT = settings(max_examples=100, database=None, phases=(Phase.generate,), report_multiple_bugs=False, derandomize=True)


class Deaf(VectorSpaces):
    """Withdrawals reach the live space alone."""

    def apply(self, entries: Sequence[Entry]) -> list[Applied]:
        for one in entries:
            if one.content is not None:
                super().apply([one])
        with self._open.using(LIVE) as index:
            if index is not None:
                index.apply([one for one in entries if one.content is None])
        return [Applied.WRITTEN for _ in entries]


class Late(VectorSpaces):
    """A space hears of withdrawals only once it has content."""

    def _reached(self, entries: Sequence[Entry]) -> list[str]:
        asked = dict.fromkeys(entry.content.model_version for entry in entries if entry.content)
        for one in asked:
            self.open(one)
        return list(dict.fromkeys([*self._open.versions(), *asked]))


class OneSpace(WrittenSpaces):
    """New items are written in the live space alone."""

    def __call__(self) -> Sequence[Encoder]:
        return super().__call__()[:1]


def one_sided() -> Migration:
    world = Migration()
    world.embedding = world._embedding(OneSpace(world.watch, world.shelf, world.clock))
    return world


def hunted(make: Callable[[], Migration]) -> None:
    @HUNT
    @given(BEFORE, AFTER)
    def sabotaged(before: Happenings, after: Happenings) -> None:
        lived(before, after, make)

    with pytest.raises(AssertionError):
        sabotaged()


def test_withdrawals_that_do_not_reach_the_new_space_are_found_out() -> None:
    hunted(lambda: Migration(Deaf))


def test_a_new_space_that_hears_of_withdrawals_too_late_is_found_out() -> None:
    with pytest.raises(AssertionError):
        overtaken(lambda: Migration(Late))


def test_new_items_in_one_space_alone_are_found_out() -> None:
    hunted(one_sided)


def test_a_backfill_that_takes_no_notice_of_withdrawals_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    known = looking._rank
    monkeypatch.setattr(looking, "_rank", lambda fact: known(fact) if isinstance(fact, ItemCurated) else None)
    with pytest.raises(AssertionError):
        withdrawn_before()

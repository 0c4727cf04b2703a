from hypothesis import given
from hypothesis import strategies as st

from models.vector_index.plan import Write, decide, guarded
from models.vector_index.port import Applied, Entry, Head, rank_of
from tests.contract.vector_index import texts


def entry(version: int, parts: int = 1, item: str = "mill") -> Entry:
    return Entry("t", item, version, texts(*("w",) * parts) if parts else None)


def write(version: int, over: int, points: int = 1, item: str = "mill") -> Write:
    """A write over content of version `over`, or over nothing at -1."""
    return Write(entry(version, points, item), rank_of(over, withdrawn=False) if over >= 0 else -1, points)


def test_a_version_that_is_new_is_written_over_nothing() -> None:
    assert decide([entry(3)], {}) == ([Applied.WRITTEN], [Write(entry(3), -1, 1)])


def test_the_parts_of_the_version_in_effect_are_to_be_overwritten() -> None:
    _, [planned] = decide([entry(3, parts=1)], {("t", "mill"): Head(2, 4, "m")})
    assert (planned.over, planned.parts, planned.points) == (rank_of(2, withdrawn=False), 1, 4)


def test_a_version_superseded_in_its_batch_may_have_left_parts_from_an_earlier_attempt() -> None:
    _, [planned] = decide([entry(3, parts=5), entry(4, parts=2)], {("t", "mill"): Head(2, 1, "m")})
    assert (planned.entry.version, planned.points) == (4, 5)


def test_a_withdrawal_writes_at_least_the_head() -> None:
    _, [planned] = decide([entry(3, parts=0)], {})
    assert (planned.parts, planned.points) == (0, 1)


def test_a_redelivered_version_is_in_effect_even_if_a_newer_one_follows_in_the_batch() -> None:
    applied, _ = decide([entry(2), entry(3)], {("t", "mill"): Head(2, 1, "m")})
    assert applied == [Applied.IN_EFFECT, Applied.WRITTEN]


def test_one_guard_serves_writes_over_lower_versions_than_any_of_their_own() -> None:
    writes = [write(12, over=3, item="a"), write(11, over=-1, item="b"), write(13, over=10, item="c")]
    assert [(guard, len(operation)) for guard, operation in guarded(writes, 100)] == [(rank_of(11, withdrawn=False), 3)]


def test_a_write_over_a_version_above_the_others_gets_a_guard_of_its_own() -> None:
    writes = [write(2, over=1, item="a"), write(100, over=50, item="b")]
    assert [guard for guard, _ in guarded(writes, 100)] == [rank_of(version, withdrawn=False) for version in (2, 100)]


def test_operations_hold_whole_items_and_no_more_points_than_told() -> None:
    writes = [write(version, over=-1, points=3, item=str(version)) for version in range(4)]
    assert [len(operation) for _, operation in guarded(writes, 6)] == [2, 2]
    assert [len(operation) for _, operation in guarded(writes, 1)] == [1, 1, 1, 1]


spans = st.tuples(st.integers(-1, 50), st.integers(1, 20), st.integers(1, 5))


@given(st.lists(spans), st.integers(1, 12))
def test_every_guard_lies_above_what_it_replaces_and_not_above_what_it_writes(
    drawn: list[tuple[int, int, int]], max_points: int
) -> None:
    writes = [write(over + gap, over, points, str(at)) for at, (over, gap, points) in enumerate(drawn)]
    planned = list(guarded(writes, max_points))
    assert all(one.over < guard <= one.entry.rank for guard, operation in planned for one in operation)
    assert sorted(one.entry.item_id for _, operation in planned for one in operation) == sorted(
        map(str, range(len(drawn)))
    )

"""Nothing in flight is ever below the committed offset, in whatever order work finishes."""

from hypothesis import given
from hypothesis import strategies as st

from streams.low_water import LowWater
from streams.record import TopicPartition

PLACE = TopicPartition("t", 0)


def started(*offsets: int) -> LowWater:
    marks = LowWater()
    for offset in offsets:
        marks.started(PLACE, offset)
    return marks


def test_a_record_in_flight_holds_the_mark_below_it() -> None:
    marks = started(0, 1, 2)
    marks.finished(PLACE, 2)
    marks.finished(PLACE, 0)
    assert marks.to_commit() == {PLACE: 1}


def test_the_mark_jumps_over_gaps_that_compaction_left() -> None:
    marks = started(3, 7)
    marks.finished(PLACE, 7)
    marks.finished(PLACE, 3)
    assert marks.to_commit() == {PLACE: 8}


def test_what_was_committed_is_not_offered_again() -> None:
    marks = started(0)
    marks.finished(PLACE, 0)
    marks.committed(marks.to_commit())
    assert marks.to_commit() == {}


def test_a_forgotten_partition_is_never_committed() -> None:
    marks = started(0)
    marks.forget([PLACE])
    marks.finished(PLACE, 0)
    assert marks.to_commit() == {}
    assert not marks.tracks(PLACE)


def test_a_rewound_partition_starts_anew_from_the_lower_offset() -> None:
    marks = started(5, 6)
    marks.finished(PLACE, 5)
    marks.started(PLACE, 0)
    marks.finished(PLACE, 0)
    assert marks.to_commit() == {PLACE: 1}


@given(st.lists(st.integers(0, 10**6), unique=True, min_size=1, max_size=60), st.data())
def test_the_mark_is_below_everything_unfinished_and_above_everything_finished_in_a_row(
    offsets: list[int], data: st.DataObject
) -> None:
    offsets.sort()
    marks = started(*offsets)
    order = data.draw(st.permutations(offsets))
    done = set(order[: data.draw(st.integers(0, len(order)))])
    for offset in order:
        if offset in done:
            marks.finished(PLACE, offset)
    unfinished = [offset for offset in offsets if offset not in done]
    run = [offset for offset in offsets if not unfinished or offset < unfinished[0]]
    assert marks.to_commit() == ({PLACE: run[-1] + 1} if run else {})


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=80))
def test_partitions_do_not_disturb_each_other(steps: list[tuple[int, bool]]) -> None:
    marks, model = LowWater(), {number: [0, 0] for number in range(3)}
    for number, finish in steps:
        place, (next_offset, next_done) = TopicPartition("t", number), model[number]
        if finish and next_done < next_offset:
            marks.finished(place, next_done)
            model[number][1] += 1
        else:
            marks.started(place, next_offset)
            model[number][0] += 1
    expected = {TopicPartition("t", number): done for number, (_, done) in model.items() if done}
    assert marks.to_commit() == expected

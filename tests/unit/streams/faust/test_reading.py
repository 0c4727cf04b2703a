from streams.faust.reading import End, Reach, Reading
from streams.record import Record, TopicPartition

A, B = TopicPartition("searches", 0), TopicPartition("feedback", 0)
NOW, HEARD, SETTLE = 100_000, 99_000, 1_000


def record(place: TopicPartition, offset: int, timestamp_ms: int) -> Record:
    return Record(place.topic, place.partition, offset, None, b"", (), timestamp_ms)


def ends(a: int, b: int) -> dict[TopicPartition, End]:
    return {A: End(a, HEARD), B: End(b, HEARD)}


def test_a_log_read_to_its_end_is_as_far_as_the_clock() -> None:
    assert Reading({A: 5, B: 0}).reach(ends(5, 0), NOW, SETTLE) == Reach(NOW, HEARD - SETTLE, 0)


def test_a_partition_with_more_to_read_holds_all_back_to_its_last_record() -> None:
    reading = Reading({A: 0, B: 0})
    reading.read(record(A, 0, 40_000))
    reading.read(record(B, 0, 70_000))
    assert reading.reach(ends(3, 1), NOW, SETTLE) == Reach(40_000, 39_000, 2)


def test_a_partition_of_which_nothing_was_read_yet_holds_all_back() -> None:
    assert Reading({A: 0, B: 0}).reach(ends(3, 0), NOW, SETTLE) == Reach(0, 0, 3)


def test_while_the_broker_has_not_told_every_end_nothing_is_known() -> None:
    assert Reading({A: 0, B: 0}).reach({A: End(0, HEARD)}, NOW, SETTLE) == Reach(0, 0, 0)


def test_without_partitions_nothing_is_known() -> None:
    assert Reading({}).reach({}, NOW, SETTLE) == Reach(0, 0, 0)


def test_time_stamps_that_fall_do_not_turn_it_back() -> None:
    reading = Reading({A: 0, B: 0})
    reading.read(record(A, 0, 50_000))
    reading.read(record(A, 1, 30_000))
    assert reading.reach(ends(3, 0), NOW, SETTLE).ended_ms == 50_000


def test_a_partition_that_is_read_again_has_more_to_read() -> None:
    reading = Reading({A: 0, B: 0})
    for offset in (0, 1, 0):
        reading.read(record(A, offset, 50_000))
    assert reading.reach(ends(2, 0), NOW, SETTLE).lag == 1

"""A micro-batch takes what is there; its age bounds only the waiting for more."""

from collections.abc import Mapping

from streams.batching import gather
from streams.port import Start
from streams.record import Record, TopicPartition
from streams.stage import BatchLimits


class SlowClock:
    """A machine that is busy elsewhere: a second goes by at every look."""

    now = 0.0

    def monotonic(self) -> float:
        self.now += 1.0
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Backlog:
    """Records that are there already; a poll gives at most 10 of them and never waits."""

    def __init__(self, records: int) -> None:
        self.left = [Record("t", 0, offset, None, b"x" * 100) for offset in range(records)]
        self.waits: list[float] = []

    def poll(self, max_records: int, timeout_s: float) -> list[Record]:
        self.waits.append(timeout_s)
        taken, self.left = self.left[: min(10, max_records)], self.left[min(10, max_records) :]
        return taken

    def commit(self, next_offsets: Mapping[TopicPartition, int]) -> None: ...
    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset()

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def seek(self, start: Start) -> None: ...
    def lag(self) -> int:
        return len(self.left)

    def close(self) -> None: ...


def gathered(backlog: Backlog, limits: BatchLimits) -> int:
    return len(gather(backlog, limits, 0.2, SlowClock()))


def test_a_backlog_fills_a_batch_even_when_the_machine_is_so_busy_that_its_age_is_over() -> None:
    assert gathered(Backlog(100), BatchLimits(max_records=50, max_age_s=0.005)) == 50


def test_a_batch_whose_age_is_over_closes_when_nothing_more_is_there() -> None:
    assert gathered(Backlog(25), BatchLimits(max_records=50, max_age_s=0.005)) == 25


def test_nobody_waits_once_the_age_is_over() -> None:
    backlog = Backlog(25)
    gathered(backlog, BatchLimits(max_records=50, max_age_s=0.005))
    assert backlog.waits[1:] == [0.0] * len(backlog.waits[1:])


def test_a_batch_closes_when_it_is_large_enough_whatever_is_left() -> None:
    assert gathered(Backlog(100), BatchLimits(max_records=50, max_bytes=1500)) < 50

"""What a stage says of its own accord goes the way of its answers, and is never said twice as two things."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from models.metadata.config import MetadataConfig
from models.metadata.engine import open_engine
from models.registry.registry import Registry
from schemas.event import Event
from schemas.items import ItemRejected, RejectReason
from streams.errors import Misconfigured, Unavailable
from streams.health import State
from streams.letters import Letter, read_letter
from streams.runner import Stopping
from tests.unit.streams.test_runner import REJECTED_TOPIC, Bench, batch_stage


class Totals:
    """A stage that counts what it reads and tells the count when time has passed, once."""

    def __init__(self, before_telling: Callable[[], None] = lambda: None) -> None:
        self.seen = 0
        self.asked = 0
        self._before_telling = before_telling

    def handle(self, batch: Sequence[object]) -> list[tuple[Event, ...]]:
        self.seen += len(batch)
        return [()] * len(batch)

    def tick(self) -> list[Event]:
        self.asked += 1
        self._before_telling()
        told, self.seen = self.seen, 0
        return [total(told)] if told else []


def total(count: int) -> ItemRejected:
    return ItemRejected(
        event_id=UUID(int=count), item_id=f"{count}-seen", version=count, reason=RejectReason.EMPTY, measured="total"
    )


def bench_of(totals: Totals) -> Bench:
    return Bench(replace(batch_stage(totals.handle), tick=totals.tick))


def later(bench: Bench) -> int:
    """A round of the loop, a little more than a tick after the one before."""
    bench.clock.sleep(1.1)
    return bench.runner.run_once()


def test_a_stage_speaks_when_nothing_arrives() -> None:
    bench = bench_of(Totals())
    bench.publish("a", "b")
    bench.runner.run_once()
    later(bench)
    assert bench.answered() == ["2-seen"]


def test_a_stage_speaks_between_micro_batches_under_load_too() -> None:
    bench = bench_of(Totals())
    for _ in range(3):
        bench.publish("a")
        later(bench)
    assert bench.answered() == ["1-seen", "1-seen"]


def test_a_stage_is_asked_once_in_a_tick_however_often_the_loop_turns() -> None:
    totals = Totals()
    bench = bench_of(totals)
    for _ in range(20):
        bench.runner.run_once()
    assert totals.asked == 1
    later(bench)
    assert totals.asked == 2


def test_a_member_without_partitions_is_not_asked() -> None:
    totals = Totals()
    bench = bench_of(totals)
    bench.consumer.assign(frozenset())
    later(bench)
    assert totals.asked == 0


def test_a_stage_that_says_nothing_of_its_own_accord_is_not_asked() -> None:
    bench = Bench(batch_stage(lambda batch: [()] * len(batch)))
    later(bench)
    assert bench.log.records(REJECTED_TOPIC) == []


def test_what_was_said_is_written_once_the_log_is_back_though_the_stage_has_forgotten_it() -> None:
    totals = Totals()
    bench = bench_of(totals)
    bench.publish("a", "b")
    bench.runner.run_once()
    bench.log.down = "broker gone"
    reports: list[tuple[State, str]] = []
    poll = bench.consumer.poll

    def poll_for_a_while(max_records: int, timeout_s: float) -> list[object]:
        reports.append((bench.runner.health.report.state, bench.runner.health.report.reason))
        if len(reports) == 5:
            bench.log.down = None
        return list(poll(max_records, timeout_s))

    bench.consumer.poll = poll_for_a_while  # type: ignore[method-assign,assignment]
    later(bench)
    assert bench.answered() == ["2-seen"]
    assert (totals.asked, totals.seen) == (2, 0)
    assert reports[0] == (State.WAITING, "broker gone")
    assert bench.runner.health.report.state is State.RUNNING


def test_records_that_arrive_while_a_tick_waits_are_not_lost() -> None:
    tries: list[int] = []

    def down_at_first() -> None:
        tries.append(len(tries))
        if len(tries) == 2:
            bench.publish("a")
            raise Unavailable("the database is down")

    totals = Totals(down_at_first)
    bench = bench_of(totals)
    later(bench)
    later(bench)
    bench.runner.run_once()
    assert totals.seen == 1
    assert bench.committed == 1


def test_a_stage_whose_tick_waits_can_be_stopped() -> None:
    def down() -> None:
        bench.runner.stop()
        raise Unavailable("the database is down")

    bench = bench_of(Totals(down))
    with pytest.raises(Stopping):
        later(bench)


def letters(bench: Bench) -> list[Letter]:
    return [read_letter(record) for record in bench.log.records("t.s.dlq")]


def telling(events: Sequence[Event]) -> Bench:
    return Bench(replace(batch_stage(lambda batch: [()] * len(batch)), tick=lambda: events))


HUGE = total(1).model_copy(update={"measured": "z" * 2**21})


def test_an_event_of_a_tick_that_is_too_large_becomes_a_dead_letter_and_the_others_are_told() -> None:
    bench = telling([total(2), HUGE, total(3)])
    later(bench)
    assert bench.answered() == ["2-seen", "3-seen"]
    [letter] = letters(bench)
    assert (letter.reason, letter.stage, letter.key) == ("answer_too_large", "s", b"default/1-seen")
    assert letter.id == f"{REJECTED_TOPIC}/{HUGE.event_id}"
    assert (letter.value or b"").startswith(b'{"tenant":"default","item_id":"1-seen"')


def test_an_event_of_a_tick_that_has_no_form_in_json_becomes_a_dead_letter() -> None:
    bench = telling([total(1).model_copy(update={"measured": "\ud800"}), total(2)])
    later(bench)
    assert bench.answered() == ["2-seen"]
    assert [(letter.reason, letter.value) for letter in letters(bench)] == [("not_encodable", b"")]


def test_what_could_never_be_told_has_one_letter_however_often_it_is_tried_and_cannot_be_replayed() -> None:
    bench = telling([HUGE])
    later(bench)
    later(bench)
    first, second = letters(bench)
    assert first.id == second.id
    with pytest.raises(Misconfigured, match="too large to be replayed"):
        first.original()


def test_what_an_outbox_can_never_tell_leaves_it_once_its_letter_is_written() -> None:
    registry = Registry(open_engine(MetadataConfig(url="sqlite://")))
    registry.create_tables()
    with registry.engine.begin() as connection:
        registry.announcements("s").put(connection, [HUGE, total(2)])
    bench = Bench(replace(batch_stage(lambda batch: [()] * len(batch)), tick=registry.announcements("s").tick))
    bench.log.down = "broker gone"
    bench.runner.stop()
    with pytest.raises(Stopping):
        later(bench)
    bench.log.down = None
    restarted = replace(batch_stage(lambda batch: [()] * len(batch)), tick=registry.announcements("s").tick)
    bench = Bench(restarted)
    later(bench)
    later(bench)
    assert bench.answered() == ["2-seen"]
    assert len(letters(bench)) == 1
    assert registry.announcements("s").waiting() == []

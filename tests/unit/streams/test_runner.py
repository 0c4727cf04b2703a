"""The order is the guarantee: sinks, answers and letters first, the commit last."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from schemas.event import Event
from schemas.items import ItemPublished, ItemRejected, RejectReason
from streams.codec import Encoded, encode
from streams.errors import BadRecord, NotYet, Unavailable
from streams.health import State
from streams.letters import REASON, read_letter
from streams.memory import MemoryBroker, MemoryConsumer, MemoryProducer
from streams.port import Start
from streams.record import TopicPartition
from streams.retry import BackoffConfig
from streams.runner import Runner, RunnerConfig, Stopping
from streams.stage import AnyStage, BatchStage, Incoming, Outcome, Stage
from streams.topics import RAW, REJECTED

PREFIX = "t"
RAW_TOPIC, REJECTED_TOPIC = RAW.full_name(PREFIX), REJECTED.full_name(PREFIX)


class ManualClock:
    """Stands still unless somebody sleeps or polls the time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.0001
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Bench:
    """A stage named `s` on a log in memory."""

    def __init__(self, stage: AnyStage) -> None:
        self.log = MemoryBroker({RAW_TOPIC: 2, REJECTED_TOPIC: 1, "t.s.dlq": 1, "t.s.parked": 1})
        self.consumer = MemoryConsumer(self.log, "t.s", [RAW_TOPIC])
        config = RunnerConfig(idle_poll_s=0.01, backoff=BackoffConfig(first_s=0.05, longest_s=0.1))
        self.clock = ManualClock()
        self.runner = Runner(stage, self.consumer, MemoryProducer(self.log), PREFIX, config, self.clock)
        self.consumer.on_revoked = self.runner.revoked

    def publish(self, *items: str) -> None:
        for item in items:
            self.log.append(RAW_TOPIC, encode(ItemPublished(item_id=item, text=item), "test"))

    def publish_bytes(self, value: bytes | None, kind: str = "millrace.ItemPublished.v1") -> None:
        headers = (("ce_id", b"x"), ("ce_time", b"x"), ("ce_type", kind.encode()))
        self.log.append(RAW_TOPIC, Encoded(b"k", value, headers))

    @property
    def committed(self) -> int:
        return sum(self.log.committed["t.s"].values())

    def answered(self) -> list[str]:
        return sorted((one.key or b"").decode().split("/")[1] for one in self.log.records(REJECTED_TOPIC))


def rejected(incoming: Incoming) -> ItemRejected:
    fact = incoming.fact
    assert isinstance(fact, ItemPublished)
    version = incoming.origin.version()
    return ItemRejected.following(fact, item_id=fact.item_id, version=version, reason=RejectReason.EMPTY)


def stage(handle: Callable[[Incoming], Iterable[Event]]) -> Stage:
    return Stage("s", (RAW,), (REJECTED,), handle)


def batch_stage(handle: Callable[[Sequence[Incoming]], Sequence[Outcome]]) -> BatchStage:
    return BatchStage("s", (RAW,), (REJECTED,), handle)


def reject_all(incoming: Incoming) -> list[Event]:
    return [rejected(incoming)]


def test_every_record_is_answered_and_then_committed() -> None:
    bench = Bench(stage(reject_all))
    bench.publish("a", "b", "c")
    bench.runner.run_once()
    assert bench.answered() == ["a", "b", "c"]
    assert bench.committed == 3


def test_a_record_that_can_never_work_becomes_a_dead_letter_and_the_rest_goes_on() -> None:
    def handle(incoming: Incoming) -> list[Event]:
        if isinstance(incoming.fact, ItemPublished) and incoming.fact.item_id == "bad":
            raise BadRecord("no_good", "for a reason")
        return [rejected(incoming)]

    bench = Bench(stage(handle))
    bench.publish("a", "bad", "c")
    bench.runner.run_once()
    assert bench.answered() == ["a", "c"]
    [letter] = map(read_letter, bench.log.records("t.s.dlq"))
    assert (letter.reason, letter.detail, letter.key, letter.stage) == ("no_good", "for a reason", b"default/bad", "s")
    assert bench.committed == 3


def test_bytes_that_are_no_event_become_a_dead_letter_with_the_original_bytes() -> None:
    bench = Bench(stage(reject_all))
    bench.publish_bytes(b"\xff not json")
    bench.runner.run_once()
    [letter] = map(read_letter, bench.log.records("t.s.dlq"))
    assert letter.value == b"\xff not json"
    assert letter.original().value == b"\xff not json"


def test_a_null_body_keeps_being_null_in_its_letter() -> None:
    bench = Bench(stage(reject_all))
    bench.publish_bytes(None)
    bench.runner.run_once()
    [letter] = map(read_letter, bench.log.records("t.s.dlq"))
    assert letter.value is None


def test_a_future_major_version_is_parked() -> None:
    bench = Bench(stage(reject_all))
    bench.publish_bytes(b"{}", "millrace.ItemPublished.v9")
    bench.runner.run_once()
    [parked] = bench.log.records("t.s.parked")
    assert parked.header(REASON) == "future_version"
    assert bench.committed == 1


def test_facts_that_go_with_a_refusal_are_published_beside_the_letter() -> None:
    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        return [NotYet("later", also=(rejected(one),)) for one in batch]

    bench = Bench(batch_stage(handle))
    bench.publish("a")
    bench.runner.run_once()
    assert len(bench.log.records("t.s.parked")) == 1
    assert bench.answered() == ["a"]


def test_a_witness_leaves_unreadable_records_to_the_stage_that_must_act_on_them() -> None:
    bench = Bench(replace(batch_stage(lambda batch: [()] * len(batch)), witness=True))
    bench.publish("a")
    bench.publish_bytes(b"no json")
    bench.publish_bytes(b"{}", "millrace.ItemPublished.v9")
    bench.runner.run_once()
    assert bench.log.records("t.s.dlq") == bench.log.records("t.s.parked") == []
    assert bench.committed == 3


def test_a_batch_stage_answers_each_fact_by_its_place() -> None:
    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        kinds: list[Outcome] = [BadRecord("bad"), NotYet("later"), ()]
        return kinds + [[rejected(one)] for one in batch[3:]]

    bench = Bench(batch_stage(handle))
    for number in range(5):
        bench.log.append(RAW_TOPIC, encode(ItemPublished(item_id="same", text=str(number)), "test"))
    bench.runner.run_once()
    assert len(bench.log.records("t.s.dlq")) == 1
    assert len(bench.log.records("t.s.parked")) == 1
    assert len(bench.log.records(REJECTED_TOPIC)) == 2


def test_a_batch_stage_with_too_few_outcomes_is_a_bug_and_commits_nothing() -> None:
    bench = Bench(batch_stage(lambda batch: []))
    bench.publish("a")
    with pytest.raises(AssertionError, match="0 outcomes for 1 facts"):
        bench.runner.run_once()
    assert bench.committed == 0


def test_a_dependency_that_is_down_is_waited_for_with_the_same_records() -> None:
    tries: list[list[str]] = []

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        tries.append([one.fact.item_id for one in batch if isinstance(one.fact, ItemPublished)])
        if len(tries) < 4:
            raise Unavailable("the index is down")
        return [[rejected(one)] for one in batch]

    bench = Bench(batch_stage(handle))
    bench.publish("a", "b")
    bench.runner.run_once()
    assert len(tries) == 4
    assert all(sorted(one) == ["a", "b"] for one in tries)
    assert bench.answered() == ["a", "b"]
    assert bench.committed == 2


def test_a_waiting_stage_says_why_and_stops_when_told_without_committing() -> None:
    bench = Bench(stage(reject_all))

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        bench.runner.stop()
        raise Unavailable("the disk is full")

    bench = Bench(batch_stage(handle))
    bench.publish("a")
    with pytest.raises(Stopping):
        bench.runner.run_once()
    assert bench.runner.health.report.state is State.WAITING
    assert bench.runner.health.report.reason == "the disk is full"
    assert bench.committed == 0


def test_when_the_log_takes_no_answers_nothing_is_committed() -> None:
    bench = Bench(stage(lambda _: []))
    bench.publish("a")

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        bench.log.down = "broker gone"
        bench.runner.stop()
        return [[rejected(one)] for one in batch]

    bench.runner._stage = batch_stage(handle)
    with pytest.raises(Stopping):
        bench.runner.run_once()
    bench.log.down = None
    assert bench.answered() == []
    assert bench.committed == 0


def test_an_unforeseen_error_stops_the_runner_and_commits_nothing() -> None:
    def handle(incoming: Incoming) -> list[Event]:
        raise ZeroDivisionError

    bench = Bench(stage(handle))
    bench.publish("a")
    with pytest.raises(ZeroDivisionError):
        bench.runner.run()
    assert bench.committed == 0
    assert bench.runner.health.report.state is State.STOPPED


def test_partitions_taken_away_while_waiting_are_neither_answered_nor_committed() -> None:
    taken = False

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        nonlocal taken
        if not taken:
            taken = True
            MemoryConsumer(bench.log, "t.s", [RAW_TOPIC])
            raise Unavailable("for a moment")
        return [[rejected(one)] for one in batch]

    bench = Bench(batch_stage(handle))
    bench.publish(*(f"item-{number}" for number in range(20)))
    bench.runner.run_once()
    kept = bench.consumer.assignment()
    assert set(bench.log.committed["t.s"]) <= kept
    assert len(bench.answered()) == sum(len(bench.log.logs[place]) for place in kept) < 20


def test_revoked_partitions_are_committed_up_to_what_is_finished_but_lost_ones_are_not() -> None:
    bench = Bench(stage(reject_all))
    place = TopicPartition(RAW_TOPIC, 0)
    for lost, expected in ((True, 0), (False, 1)):
        bench.runner._low_water.started(place, 0)
        bench.runner._low_water.finished(place, 0)
        bench.runner.revoked([place], lost)
        assert bench.committed == expected


def test_an_answer_larger_than_its_topic_allows_becomes_a_dead_letter() -> None:
    def handle(incoming: Incoming) -> list[Event]:
        return [rejected(incoming).model_copy(update={"measured": "z" * (REJECTED.max_record_bytes + 1)})]

    bench = Bench(stage(handle))
    bench.publish("a")
    bench.runner.run_once()
    [letter] = map(read_letter, bench.log.records("t.s.dlq"))
    assert letter.reason == "answer_too_large"


def test_a_replay_reads_everything_again_and_gives_the_same_event_ids() -> None:
    bench = Bench(stage(reject_all))
    bench.publish("a", "b")
    bench.runner.run_once()
    bench.runner.replay(Start())
    bench.runner.run_once()
    ids = [one.header("ce_id") for one in bench.log.records(REJECTED_TOPIC)]
    assert len(ids) == 4
    assert len(set(ids)) == 2


def test_a_replayed_letter_keeps_the_version_of_its_first_place() -> None:
    versions: list[int] = []

    def handle(incoming: Incoming) -> list[Event]:
        versions.append(incoming.origin.version())
        raise BadRecord("always")

    bench = Bench(stage(handle))
    bench.publish("x", "x", "x")
    bench.runner.run_once()
    letter = read_letter(bench.log.records("t.s.dlq")[1])
    bench.log.append(letter.origin.topic, letter.original())
    bench.runner.run_once()
    assert versions == [0, 1, 2, 1]
    letters = [read_letter(one) for one in bench.log.records("t.s.dlq")]
    assert [one.origin.offset for one in letters] == [0, 1, 2, 1]
    assert len({one.id for one in letters}) == 4


def test_the_runner_stops_after_the_batch_in_hand() -> None:
    bench = Bench(stage(reject_all))
    bench.publish("a")

    def handle(incoming: Incoming) -> list[Event]:
        bench.runner.stop()
        return [rejected(incoming)]

    bench.runner._stage = stage(handle)
    bench.runner.run()
    assert bench.log.committed["t.s"]
    assert bench.runner.health.report.state is State.STOPPED


def test_the_trace_leads_from_the_published_item_to_the_answer() -> None:
    bench = Bench(stage(reject_all))
    item = ItemPublished(item_id="a", text="a", occurred_at=datetime.now(UTC))
    bench.log.append(RAW_TOPIC, encode(item, "test"))
    bench.runner.run_once()
    [answer] = bench.log.records(REJECTED_TOPIC)
    assert (answer.header("traceparent") or "")[:35] == item.traceparent[:35]
    assert answer.header("ce_source") == "millrace/s"


def test_a_record_larger_than_any_letter_is_set_aside_and_the_rest_goes_on() -> None:
    bench = Bench(stage(reject_all))
    bench.publish_bytes(b"z" * 20 * 2**20)  # as compression carries it past a broker's limit
    bench.publish("a")
    bench.runner.run_once()
    [letter] = map(read_letter, bench.log.records("t.s.dlq"))
    assert (letter.reason, letter.cut) == ("invalid_json", True)
    assert bench.answered() == ["a"]
    assert bench.committed == 2


def test_a_replay_asked_for_while_the_log_is_down_waits_for_it() -> None:
    bench = Bench(stage(reject_all))
    bench.publish("a")
    bench.runner.run_once()
    seek, tries = bench.consumer.seek, []

    def down_at_first(start: Start) -> None:
        tries.append(start)
        if len(tries) == 1:
            raise Unavailable("Kafka does not answer")
        seek(start)

    bench.consumer.seek = down_at_first  # type: ignore[method-assign]
    bench.runner.replay(Start())
    bench.runner.run_once()
    assert bench.answered() == ["a", "a"]


def test_a_replay_waits_for_partitions() -> None:
    bench = Bench(stage(reject_all))
    bench.publish("a")
    bench.runner.run_once()
    places, asked = bench.consumer.assignment(), Start()
    bench.consumer.assign(frozenset())
    bench.runner.replay(asked)
    bench.runner.run_once()
    bench.consumer.assign(places)
    bench.runner.run_once()
    assert bench.answered() == ["a", "a"]


def test_a_replay_from_a_later_moment_skips_nothing() -> None:
    bench = Bench(stage(reject_all))
    bench.publish("a", "b")
    bench.runner.replay(Start(datetime(2999, 1, 1, tzinfo=UTC)))
    bench.runner.run_once()
    assert bench.answered() == ["a", "b"]


def test_records_held_while_waiting_go_with_their_partition() -> None:
    bench = Bench(stage(reject_all))
    bench.publish("a")
    bench.runner._held = bench.consumer.poll(10, 0.0)
    [held] = bench.runner._held
    bench.runner.revoked([held.topic_partition], False)
    assert bench.runner._held == []

"""From records to facts, and how far the log is read for good."""

from consumers.signals.config import SignalsConfig
from consumers.signals.metrics import EVENTS
from consumers.signals.stage import Signals
from schemas.signals import ClickRateMeasured, HardNegativeMined
from streams.record import Record, TopicPartition
from tests.unit.consumers.signals.builders import (
    FEEDBACK_TOPIC,
    SEARCHES_TOPIC,
    START_MS,
    feedback,
    final,
    record,
    search,
)

SEARCHED, REACTED = TopicPartition(SEARCHES_TOPIC, 0), TopicPartition(FEEDBACK_TOPIC, 0)
CONFIG = SignalsConfig(window_s=60, grace_s=10)
ENDED, CLOSED = START_MS + 60_000, START_MS + 70_000


def signals() -> Signals:
    built = Signals(CONFIG, "millrace")
    built.reset({SEARCHED: 0, REACTED: 0}, 0)
    return built


def counted(outcome: str) -> float:
    return EVENTS.labels(outcome)._value.get()


def test_a_record_is_done_with_once_its_window_has_closed() -> None:
    state = signals()
    state.take(record(search("s"), 0, 0))
    state.take(record(feedback("s"), 0, 5))
    state.due(ENDED, ENDED)
    assert state.marks() == {SEARCHED: 0, REACTED: 0}
    state.due(CLOSED, CLOSED)
    assert state.marks() == {SEARCHED: 1, REACTED: 1}
    assert state.closed_ms == CLOSED


def test_an_open_window_holds_back_what_was_read_after_it() -> None:
    state = signals()
    state.take(record(search("new", ms=65_000), 0, 65_000))
    state.take(record(search("old"), 1, 66_000))
    state.due(CLOSED, CLOSED)
    assert state.marks()[SEARCHED] == 0


def test_bad_records_are_counted_and_done_with() -> None:
    state, before = signals(), counted("unreadable")
    state.take(Record(SEARCHES_TOPIC, 0, 0, None, b"\xff", (), START_MS))
    state.take(Record(SEARCHES_TOPIC, 0, 1, None, None, (("ce_type", b"millrace.SearchServed.v1"),), START_MS))
    assert counted("unreadable") - before == 2
    assert state.marks()[SEARCHED] == 2


def test_feedback_on_the_topic_of_searches_is_unreadable_there() -> None:
    state, before = signals(), counted("unreadable")
    strange = record(feedback("s"), 0, 0)
    state.take(strange._replace(topic=SEARCHES_TOPIC))
    assert counted("unreadable") - before == 1


def test_late_feedback_is_counted_dropped_and_done_with() -> None:
    state, before = signals(), counted("late")
    state.take(record(search("s"), 0, 0))
    state.take(record(feedback("s"), 0, 70_001))
    assert counted("late") - before == 1
    assert state.marks()[REACTED] == 1
    assert [one.clicked for one in state.due(CLOSED, CLOSED) if isinstance(one, ClickRateMeasured)] == [0]


def test_a_repetition_at_the_same_place_stays_until_its_window_closes() -> None:
    """Perhaps it is the very same record, read again after a rewind."""
    state = signals()
    for _ in range(2):
        state.take(record(search("s"), 0, 0))
    assert state.marks()[SEARCHED] == 0
    state.due(CLOSED, CLOSED)
    assert state.marks()[SEARCHED] == 1


def test_after_a_reset_the_records_from_the_marks_on_give_the_same_facts() -> None:
    records = [record(search("s"), 0, 0), record(feedback("s", item="b"), 0, 5), record(search("t", 61_000), 1, 61_000)]
    straight, broken = signals(), signals()
    for one in records:
        straight.take(one)
    whole = straight.due(START_MS + 10**6, START_MS + 10**6)
    for one in records:
        broken.take(one)
    told = broken.due(CLOSED, CLOSED)
    marks = broken.marks()
    broken.reset(marks, broken.closed_ms)
    for one in records:
        if one.offset >= marks[one.topic_partition]:
            broken.take(one)
    assert final(told + broken.due(START_MS + 10**6, START_MS + 10**6)) == final(whole)


def test_without_consent_there_is_nothing_to_train_on() -> None:
    state = signals()
    state.take(record(search("s"), 0, 0))
    state.take(record(feedback("s", item="c", consent=False), 0, 5))
    state.take(record(feedback("s", "no_result", None, consent=False), 1, 5))
    told = state.due(CLOSED, CLOSED)
    assert {type(fact).__name__ for fact in told} == {"ItemSignalMeasured", "ClickRateMeasured"}
    assert not any(isinstance(fact, HardNegativeMined) for fact in told)


def test_a_search_that_another_model_answered_instead_counts_for_nobody() -> None:
    state, before = signals(), counted("unanswered")
    failed = search("s").model_copy(update={"outcome": "failed"})
    state.take(record(failed, 0, 0))
    assert counted("unanswered") == before + 1
    assert state.due(CLOSED, CLOSED) == []
    assert state.marks() == {SEARCHED: 1, REACTED: 0}

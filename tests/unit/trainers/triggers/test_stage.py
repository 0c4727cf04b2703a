from collections.abc import Iterable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.event import Event
from schemas.training import ModelReleased, ReleaseKind, TrainingRequested
from streams.record import Record, TopicPartition
from streams.topics import EMBEDDED, Topic
from tests.unit.trainers.triggers.facts import (
    NOON,
    NOON_MS,
    PREFIX,
    clicked,
    curated,
    embedded,
    id_of,
    record,
    settled,
    unsettled,
    withdrawn,
)
from trainers.triggers.config import TriggersConfig
from trainers.triggers.stage import Triggers
from trainers.triggers.tally import Tally

CONFIG = TriggersConfig(
    window_s=10, horizon_s=600, cool_down_s=60, labels=5, drift_items=50, regression_searches=100, withdrawn_items=3
)


class Log:
    """Facts in the order in which they reach the log, and triggers that read them."""

    def __init__(self, config: TriggersConfig = CONFIG) -> None:
        self.config = config
        self.records: list[Record] = []
        self.triggers = Triggers(config, PREFIX)
        self.committed: dict[TopicPartition, int] = {}

    def at(self, seconds: float, *facts: Event, topic: Topic | None = None) -> None:
        for fact in facts:
            place = record(fact, 0, seconds, topic).topic_partition
            offset = sum(one.topic_partition == place for one in self.records)
            self.records.append(record(fact, offset, seconds, topic))
            self.triggers.take(self.records[-1])

    def asked(self, seconds: float) -> list[TrainingRequested]:
        """What is asked for by then; it is read back as it would be from the topic."""
        upto_ms = NOON_MS + int(seconds * 1000)
        found = [one for one in self.triggers.due(upto_ms, upto_ms) if isinstance(one, TrainingRequested)]
        self.at(seconds, *found)
        self.committed |= self.triggers.marks()
        return found

    def restart(self) -> None:
        closed_ms = self.triggers.closed_ms
        self.triggers = Triggers(self.config, PREFIX)
        self.triggers.reset(self.committed, closed_ms)
        for one in self.records:
            if one.offset >= self.committed.get(one.topic_partition, 0):
                self.triggers.take(one)


def labels(names: Iterable[object]) -> list[Event]:
    return [settled(f"{name}") for name in names]


def arrived(numbers: Iterable[int], moved: float = 0.0) -> list[Event]:
    """New items, which are curated and embedded."""
    return [fact for number in numbers for fact in (curated(number), embedded(number, moved=moved))]


def asked_by_a_person(seconds: float) -> TrainingRequested:
    moment = NOON + timedelta(seconds=seconds)
    return TrainingRequested(event_id=id_of("person"), occurred_at=moment, job_id="now", cause="manual")


def test_enough_new_labels_ask_once_at_the_end_of_a_window() -> None:
    log = Log()
    log.at(1, *labels(range(5)))
    assert log.asked(9) == []
    [request] = log.asked(10)
    assert (request.cause, request.detail) == ("labels", "5 new labels, 5 ask for training")
    assert log.asked(20) == log.asked(200) == []


def test_labels_that_were_taken_back_or_changed_do_not_count_twice() -> None:
    log = Log()
    log.at(1, *labels(range(4)), settled("0", revision=2), unsettled("1"))
    assert log.asked(10) == []
    log.at(11, *labels("ab"))
    assert [one.cause for one in log.asked(20)] == ["labels"]


def test_a_label_that_needed_one_more_opinion_counts_and_what_was_skipped_takes_nothing_away() -> None:
    log = Log()
    log.at(1, *(unsettled(f"{n}", 1, "disagreement") for n in range(5)), *(unsettled(n, 1, "skipped") for n in "abc"))
    assert log.asked(10) == []
    log.at(11, *(settled(f"{n}", 2) for n in range(5)))
    assert [one.detail for one in log.asked(20)] == ["5 new labels, 5 ask for training"]


def test_a_label_that_a_request_knew_is_no_news_when_it_changes_or_comes_back() -> None:
    log = Log()
    log.at(1, *labels(range(5)))
    log.asked(10)
    log.at(12, *(unsettled(f"{n}", 2) for n in range(5)))
    log.at(31, *(settled(f"{n}", 3) for n in range(5)), *labels("abcd"), *labels("abcd"))
    assert log.asked(90) == []
    log.at(91, *labels("e"))
    assert [one.detail for one in log.asked(100)] == ["5 new labels, 5 ask for training"]


def test_within_the_cool_down_nothing_asks_and_afterwards_what_has_gathered_does() -> None:
    log = Log()
    log.at(1, *labels(range(5)))
    log.asked(10)
    log.at(12, *labels("abcdefgh"))
    assert log.asked(60) == []
    assert [one.detail for one in log.asked(80)] == ["8 new labels, 5 ask for training"]


def test_a_person_who_asks_answers_what_came_before() -> None:
    log = Log()
    log.at(1, *labels(range(5)))
    log.at(3, asked_by_a_person(3))
    assert log.asked(10) == []
    assert log.asked(100) == []


def test_a_request_from_a_clock_that_is_ahead_holds_nothing_up() -> None:
    log = Log()
    log.at(3, asked_by_a_person(86_400))
    log.at(12, *labels(range(5)))
    assert [one.cause for one in log.asked(80)] == ["labels"]


def test_a_model_that_knows_much_needs_more_new_labels() -> None:
    log = Log()
    log.at(1, *labels(range(100)))
    log.asked(10)
    log.at(80, *labels(f"new-{n}" for n in range(19)))
    assert log.asked(90) == []
    log.at(91, *labels(["one-more"]))
    assert [one.detail for one in log.asked(100)] == ["20 new labels, 20 ask for training"]


def test_one_erased_item_asks_and_deleted_ones_when_they_are_many() -> None:
    log = Log()
    log.at(1, withdrawn("a", "delete"), withdrawn("b", "delete"), withdrawn("c", "replaced"))
    assert log.asked(10) == []
    log.at(11, withdrawn("d", "delete"))
    assert [one.detail for one in log.asked(20)] == ["3 items deleted, 3 ask for training"]
    log.at(90, withdrawn("e", "erase"))
    assert [one.cause for one in log.asked(100)] == ["withdrawal"]


def test_of_several_causes_the_most_urgent_asks_and_answers_the_others() -> None:
    log = Log()
    log.at(1, *labels(range(5)), withdrawn("e", "erase"))
    assert [one.cause for one in log.asked(10)] == ["withdrawal"]
    assert log.asked(100) == []


def test_causes_can_be_switched_off() -> None:
    log = Log(CONFIG.model_copy(update={"causes": ()}))
    log.at(1, *labels(range(50)), withdrawn("e", "erase"))
    assert log.asked(10) == []


def test_the_clock_asks_where_a_schedule_is_set() -> None:
    log = Log(CONFIG.model_copy(update={"schedule_s": 100.0}))
    log.at(1, *labels(range(1)))
    assert log.asked(90) == []
    assert [one.cause for one in log.asked(110)] == ["schedule"]
    assert log.asked(200) == []
    assert [one.cause for one in log.asked(220)] == ["schedule"]


def test_inputs_of_another_kind_ask_and_more_of_the_same_does_not() -> None:
    log = Log()
    log.at(1, *arrived(range(100)))
    log.at(2, asked_by_a_person(2))
    log.at(80, *arrived(range(100, 160)))
    assert log.asked(90) == []
    log.at(95, *[curated(n, source="scan") for n in range(200, 260)])
    [request] = log.asked(110)
    assert request.cause == "drift"
    assert request.detail.startswith("source of inputs")


def test_vectors_that_moved_ask_and_those_of_another_model_say_nothing() -> None:
    log = Log()
    log.at(1, *arrived(range(100)))
    log.at(2, asked_by_a_person(2))
    log.at(80, *arrived(range(100, 160)), *[embedded(n, "model-2", moved=5) for n in range(100)])
    assert log.asked(90) == []
    log.at(95, *arrived(range(200, 260), moved=3))
    assert [one.detail.partition(":")[0] for one in log.asked(110)] == ["embeddings"]


def test_what_is_told_again_for_the_space_of_another_model_asks_for_nothing() -> None:
    log = Log()
    log.at(1, *[curated(n, source="web" if n % 2 else "scan") for n in range(200)], withdrawn("e", "erase"))
    assert [one.cause for one in log.asked(10)] == ["withdrawal"]
    log.at(80, *[embedded(n, "model-2", moved=n / 50) for n in range(200)])
    log.at(85, withdrawn("e", "erase"), *[withdrawn(f"{n}", "delete") for n in range(9)], topic=EMBEDDED)
    assert log.asked(90) == log.asked(200) == []


def test_a_click_rate_that_fell_asks_and_the_latest_revision_counts() -> None:
    log = Log()
    log.at(1, ModelReleased(generation=1, model_version="model-1", kind=ReleaseKind.RELEASE))
    log.at(2, *[clicked(100, 50, window) for window in range(5)])
    assert log.asked(10) == []
    log.at(11, clicked(100, 0, 9, revision=1), clicked(100, 48, 9, revision=7))
    assert log.asked(20) == []
    log.at(21, clicked(100, 10, 10), clicked(100, 12, 11))
    [request] = log.asked(30)
    assert request.cause == "regression"
    assert "fell from" in request.detail


def test_other_models_clicks_are_no_regression_of_the_live_one() -> None:
    log = Log()
    log.at(1, ModelReleased(generation=1, model_version="model-2", kind=ReleaseKind.RELEASE))
    log.at(2, *[clicked(100, 50, window) for window in range(5)])
    log.at(11, *[clicked(100, 5, window) for window in range(5, 10)])
    assert log.asked(20) == []


def test_a_record_that_cannot_be_read_is_passed_over() -> None:
    log = Log()
    whole = record(settled("a"), 0, 1)
    log.triggers.take(whole._replace(value=b"\xff"))
    assert log.asked(10) == []


@pytest.mark.parametrize("down_at", [5, 15, 30, 75])
def test_a_restart_asks_for_nothing_twice_and_forgets_nothing(down_at: int) -> None:
    log, asked = Log(), []
    for second in range(0, 100, 5):
        if second == 5:
            log.at(second, *labels(range(5)))
        if second == 20:
            log.at(second, *labels("abcde"))
        asked += log.asked(second)
        if second == down_at:
            log.restart()
    assert [one.detail for one in asked] == ["5 new labels, 5 ask for training"] * 2


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 12)), max_size=12), st.integers(0, 320))
def test_whenever_it_restarts_the_same_is_asked_for(bursts: list[tuple[int, int]], down_at: int) -> None:
    steady, interrupted = Log(), Log()
    number, asked = 0, {id(steady): [], id(interrupted): []}  # type: ignore[var-annotated]
    for second in range(0, 330, 5):
        for at, count in bursts:
            if second <= at < second + 5:
                facts = labels(range(number, number + count))
                number += count
                steady.at(second, *facts)
                interrupted.at(second, *facts)
        for log in (steady, interrupted):
            asked[id(log)] += log.asked(second)
        if second <= down_at < second + 5:
            interrupted.restart()
    assert [one.event_id for one in asked[id(steady)]] == [one.event_id for one in asked[id(interrupted)]]


def test_what_lies_beyond_the_horizon_is_let_go_and_read_no_more() -> None:
    log = Log()
    log.at(1, *labels(range(3)))
    log.asked(20)
    first = dict(log.committed)
    log.at(700, *labels(["late"]))
    log.asked(720)
    assert {place: log.committed[place] - first[place] for place in first} == dict.fromkeys(first, 3)
    assert log.triggers.closed_ms == NOON_MS + 120_000


def test_what_is_asked_for_is_trained_as_the_settings_say() -> None:
    log = Log(CONFIG.model_copy(update={"recipe": "text-lora", "overrides": {"steps": 7}}))
    log.at(1, *labels(range(5)))
    [request] = log.asked(10)
    assert (request.recipe, request.overrides) == ("text-lora", {"steps": 7})


def test_clicks_beyond_the_horizon_are_compared_with_by_nobody_restarted_or_not() -> None:
    log = Log()
    log.at(1, clicked(200, 100, 0))
    assert log.asked(10) == []
    log.at(700, clicked(10, 5, 11))
    assert log.asked(710) == []
    log.at(720, clicked(200, 0, 12))
    assert log.asked(730) == []


REVISIONS = st.dictionaries(st.tuples(st.integers(0, 3), st.integers(1, 3)), st.booleans(), max_size=12)


@given(REVISIONS, st.integers(0, 12))
def test_spans_add_up_to_the_whole(said: dict[tuple[int, int], bool], cut: int) -> None:
    facts = [settled(f"{n}", number) if yes else unsettled(f"{n}", number) for (n, number), yes in said.items()]
    whole, first, second = Tally(), Tally(), Tally()
    for fact in facts:
        whole.add(fact)
    for fact in facts[:cut]:
        first.add(fact)
    for fact in facts[cut:]:
        second.add(fact)
    assert (first + second).labels == whole.labels
    assert second.new_labels(first) + first.new_labels(Tally()) == whole.new_labels(Tally())

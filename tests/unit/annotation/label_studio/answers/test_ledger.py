"""What is known and what is to be told change together."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from annotation.label_studio.answers.changes import Reading
from annotation.label_studio.answers.ledger import Ledger
from annotation.label_studio.client.rows import TaskRow
from annotation.label_studio.outbox import Outbox
from annotation.label_studio.tables import State
from annotation.label_studio.telling.messages import Messages
from annotation.label_studio.templates.reading import read_answer
from streams.letters import read_letter
from streams.memory import MemoryBroker, MemoryProducer
from tests.unit.annotation.label_studio.bridge_builders import (
    TASK,
    annotation,
    asked,
    database,
    request,
    states,
    task,
)

TOPIC = "p.annotations.completed.v1"
LATER = datetime(2200, 1, 1, tzinfo=UTC)


def judge(result: Any) -> Any:
    read_answer(TASK, result)
    return tuple(result)


READING = Reading(9, judge, lambda user: f"user-{user}", lambda request: True)


class Bench:
    """A ledger over a database in which item `a` has the task 100."""

    def __init__(self) -> None:
        self.engine: Engine = database()
        self.outbox = Outbox(self.engine)
        self.ledger = Ledger(self.engine, "p", skips=2)
        self.broker = MemoryBroker({TOPIC: 1, "p.bridge.dlq": 1})
        self.outbox.take(asked(request("a")), [])
        self.outbox.sent({one: 100 for one in self.outbox.due("mood", 10, 10)})

    def see(self, *rows: TaskRow) -> int:
        return self.ledger.apply(TASK, READING, rows)

    def told(self) -> list[dict[str, Any]]:
        Messages(self.engine, MemoryProducer(self.broker)).publish()
        return [
            {**json.loads(record.value or b""), "type": record.header("ce_type")}
            for record in self.broker.records(TOPIC)
        ]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_same_page_twice_tells_once(bench: Bench) -> None:
    assert [bench.see(task(annotation())) for _ in range(3)] == [1, 0, 0]
    assert [fact["item_id"] for fact in bench.told()] == ["a"]


def test_an_answered_task_is_not_open_any_more(bench: Bench) -> None:
    bench.see(task(annotation()))
    assert states(bench.engine) == {"a1": "closed"}


def test_a_task_whose_answer_was_deleted_is_open_again(bench: Bench) -> None:
    bench.see(task(annotation()))
    bench.see(task())
    assert states(bench.engine) == {"a1": "sent"}
    assert [fact["type"] for fact in bench.told()][1:] == ["millrace.AnnotationWithdrawn.v1"]


def test_a_task_that_too_many_skipped_is_not_open_any_more(bench: Bench) -> None:
    skips = [annotation(n, was_cancelled=True, result=[], completed_by=n) for n in (1, 2)]
    bench.see(task(skips[0]))
    assert states(bench.engine) == {"a1": "sent"}
    bench.see(task(*skips))
    assert states(bench.engine) == {"a1": "closed"}


def test_an_answer_on_a_task_whose_id_was_never_written_down_counts(bench: Bench) -> None:
    bench.outbox.take(asked(request("b")), [])
    assert bench.see(task(annotation(), item="b", number=200)) == 1
    assert bench.told()[0]["request_id"] == str(request("b").event_id)


def test_a_task_made_by_hand_is_left_alone(bench: Bench) -> None:
    assert bench.see(task(annotation(), number=300, data={"text": "hello"})) == 0
    assert bench.see(task(annotation(), number=301, data={"item_id": "a"})) == 0
    assert bench.told() == []


def test_an_answer_about_older_content_names_the_version_that_was_seen(bench: Bench) -> None:
    bench.outbox.take(asked(request("a", version=2)), [])
    bench.see(task(annotation(), version=1))
    assert bench.told()[0]["version"] == 1


def test_an_answer_keeps_the_request_it_was_first_told_for(bench: Bench) -> None:
    bench.see(task(annotation()))
    bench.outbox.take(asked(request("a", part=1, purpose="adjudication", annotators=3)), [])
    bench.outbox.sent({one: 100 for one in bench.outbox.due("mood", 10, 10)})
    bench.see(task(annotation(label="bad"), annotation(2, completed_by=8)))
    assert [fact["request_id"] for fact in bench.told()] == [
        str(request("a").event_id),
        str(request("a").event_id),
        str(request("a", part=1).event_id),
    ]


def test_an_unanswered_twin_has_the_exporter_look_again(bench: Bench) -> None:
    bench.see(task(number=101))
    assert states(bench.engine) == {"a1": "pending"}


def test_both_answers_of_answered_twins_count(bench: Bench) -> None:
    bench.see(task(annotation(1), number=100), task(annotation(2), number=101))
    assert len(bench.told()) == 2
    assert states(bench.engine) == {"a1": "closed"}


def test_a_task_that_came_to_be_after_it_was_given_up_is_removed(bench: Bench) -> None:
    bench.outbox.settle([1], State.REMOVED)
    bench.see(task())
    assert states(bench.engine) == {"a1": "removing"}


def test_a_task_that_is_not_listed_is_missed_once_it_was_there(bench: Bench) -> None:
    assert bench.ledger.missing(TASK, 9, (0, None), [], LATER) == [100]
    assert bench.ledger.missing(TASK, 9, (0, None), [task()], LATER) == []
    assert bench.ledger.missing(TASK, 9, (100, None), [], LATER) == []
    assert bench.ledger.missing(TASK, 9, (0, 99), [], LATER) == []


def test_a_task_made_after_the_question_is_not_missed(bench: Bench) -> None:
    assert bench.ledger.missing(TASK, 9, (0, None), [], datetime(2000, 1, 1, tzinfo=UTC)) == []


def test_with_a_deleted_task_all_its_answers_are_withdrawn_once(bench: Bench) -> None:
    bench.see(task(annotation(1), annotation(2, completed_by=8)))
    assert bench.ledger.gone(TASK, READING, 100) == 2
    assert bench.ledger.gone(TASK, READING, 100) == 0
    assert states(bench.engine) == {"a1": "removed"}


def test_a_malformed_answer_is_a_letter_that_names_the_task_and_stalls_nothing(bench: Bench) -> None:
    bench.outbox.take(asked(request("b")), [])
    bench.see(task(annotation(result={"not": "a list"})), task(annotation(2), item="b", number=200))
    assert [fact["item_id"] for fact in bench.told()] == ["b"]
    [letter] = map(read_letter, bench.broker.records("p.bridge.dlq"))
    assert letter.reason == "malformed_annotation"
    assert "project 9, task 100, annotation 1" in letter.detail


def test_a_replayed_letter_has_the_answer_looked_at_again(bench: Bench) -> None:
    other = TASK.model_copy(update={"labels": ("good", "bad", "new")})
    bench.see(task(annotation(label="new")))
    bench.outbox.take(asked(request("a")), [])
    wider = Reading(9, lambda result: judge_of(other, result), READING.annotator, READING.shown)
    assert bench.ledger.apply(other, wider, [task(annotation(label="new"))]) == 1
    assert [fact["type"] for fact in bench.told()] == ["millrace.AnnotationCompleted.v1"]


def judge_of(config: Any, result: Any) -> Any:
    read_answer(config, result)
    return tuple(result)


def test_tasks_that_the_bridge_made_are_known(bench: Bench) -> None:
    assert bench.ledger.knows(TASK, 100)
    assert not bench.ledger.knows(TASK, 101)

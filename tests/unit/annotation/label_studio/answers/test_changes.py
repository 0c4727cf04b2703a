"""What changed about annotations, as facts."""

import json
from typing import Any

import pytest
from pydantic import JsonValue

from annotation.label_studio.answers.changes import Change, Known, Reading, changes
from annotation.label_studio.client.rows import AnnotationRow, TaskRow
from annotation.label_studio.sending.drafts import Desk
from annotation.label_studio.tables import Standing
from annotation.label_studio.templates.reading import read_answer
from schemas.annotations import AnnotationRequested, Arm, Result
from tests.unit.annotation.label_studio.bridge_builders import DESK, NOON, TASK, annotation, request, task


def judge(result: JsonValue) -> Result:
    read_answer(TASK, result)
    return tuple(result)  # type: ignore[arg-type]


def reading(desk: Desk = DESK) -> Reading:
    return Reading(9, judge, lambda user: f"user-{user}", desk.shows_prelabel)


class Log:
    """What was told so far, as the tables would keep it."""

    def __init__(self, asking: AnnotationRequested | None = None) -> None:
        self.asking = asking or request()
        self.known: dict[int, Known] = {}

    def see(self, row: TaskRow) -> list[Change]:
        by_id = {str(self.asking.event_id): self.asking}
        found = list(changes(row, self.known, by_id, self.asking, reading(), NOON))
        self.known.update({change.known.annotation_id: change.known for change in found})
        return found


def body(change: Change) -> dict[str, Any]:
    assert change.record is not None
    assert change.record.value is not None
    return dict(json.loads(change.record.value))


def event_id(change: Change) -> str:
    assert change.record is not None
    return dict(change.record.headers)["ce_id"].decode()


def test_a_new_annotation_is_completed_with_what_was_asked() -> None:
    [change] = Log().see(task(annotation()))
    fact = body(change)
    assert change.outcome == "completed"
    assert (fact["annotation_key"], fact["revision"], fact["annotator"]) == ("9/100/1", 0, "user-7")
    assert (fact["arm"], fact["purpose"], fact["lead_time_s"], fact["prelabel"]) == ("active", "label", 2.5, "m1")
    assert fact["request_id"] == str(request().event_id)


def test_what_was_told_is_not_told_again() -> None:
    log = Log()
    log.see(task(annotation()))
    assert log.see(task(annotation())) == []


def test_the_same_truth_gives_the_same_record() -> None:
    [first], [second] = (Log().see(task(annotation())) for _ in range(2))
    assert first == second


def test_a_changed_answer_replaces_the_earlier_one_with_a_higher_revision() -> None:
    log = Log()
    log.see(task(annotation()))
    [change] = log.see(task(annotation(label="bad")))
    assert change.outcome == "changed"
    assert body(change)["revision"] == 1


def test_an_answer_changed_and_changed_back_is_told_each_time_under_ids_of_their_own() -> None:
    log = Log()
    told = [log.see(task(annotation(label=label)))[0] for label in ("good", "bad", "good")]
    assert [body(change)["revision"] for change in told] == [0, 1, 2]
    assert len({event_id(change) for change in told}) == 3


def test_how_long_it_took_is_no_change() -> None:
    log = Log()
    log.see(task(annotation()))
    assert log.see(task(annotation(lead_time=99.0))) == []


def test_an_annotation_that_is_gone_is_withdrawn_once() -> None:
    log = Log()
    log.see(task(annotation()))
    [change] = log.see(task())
    assert (change.outcome, body(change)["revision"]) == ("withdrawn", 1)
    assert log.see(task()) == []


def test_a_skip_has_no_result() -> None:
    [change] = Log().see(task(annotation(was_cancelled=True, result=[])))
    assert (body(change)["skipped"], body(change)["result"]) == (True, [])


def test_a_skip_that_becomes_an_answer_is_a_change() -> None:
    log = Log()
    log.see(task(annotation(was_cancelled=True, result=[])))
    [change] = log.see(task(annotation()))
    assert (change.outcome, body(change)["skipped"]) == ("changed", False)


def test_a_malformed_answer_is_refused_once_and_keeps_what_it_said() -> None:
    log, bad = Log(), annotation(result=[{"from_name": "elsewhere"}])
    [change] = log.see(task(bad))
    assert change.refusal is not None
    assert (change.outcome, change.record, change.refusal.reason) == ("malformed", None, "malformed_annotation")
    assert b"elsewhere" in change.answer
    assert log.see(task(bad)) == []


def test_a_malformed_answer_that_is_mended_counts_as_the_first() -> None:
    log = Log()
    log.see(task(annotation(result=[])))
    [change] = log.see(task(annotation()))
    assert (change.outcome, body(change)["revision"]) == ("completed", 0)


def test_an_answer_that_becomes_malformed_is_taken_back() -> None:
    log = Log()
    log.see(task(annotation()))
    [change] = log.see(task(annotation(label="no such label")))
    assert change.record is not None
    assert dict(change.record.headers)["ce_type"] == b"millrace.AnnotationWithdrawn.v1"
    assert change.refusal is not None
    [mended] = log.see(task(annotation()))
    assert (mended.outcome, body(mended)["revision"]) == ("completed", 2)


def test_a_malformed_answer_that_is_deleted_is_forgotten() -> None:
    log = Log()
    log.see(task(annotation(result=[])))
    [change] = log.see(task())
    assert (change.outcome, change.record, change.known.standing) == ("forgotten", None, Standing.WITHDRAWN)


def test_each_annotator_has_an_annotation_of_their_own() -> None:
    found = Log().see(task(annotation(1), annotation(2, label="bad", completed_by=8)))
    assert [body(change)["annotator"] for change in found] == ["user-7", "user-8"]


def test_a_witness_was_shown_no_prelabel() -> None:
    [change] = Log(request(arm=Arm.RANDOM)).see(task(annotation()))
    assert body(change)["prelabel"] is None


@pytest.mark.parametrize("taken", [None, -3.0, float("nan"), float("inf")])
def test_a_time_that_nobody_can_have_taken_is_left_out(taken: float | None) -> None:
    [change] = Log().see(task(annotation(lead_time=taken)))
    assert body(change)["lead_time_s"] is None


def test_an_answer_too_large_for_the_log_is_malformed() -> None:
    region = {**annotation().result[0], "meta": "x" * 2_000_000}  # type: ignore[dict-item, index]
    [change] = Log().see(task(annotation(result=[region])))
    assert change.outcome == "malformed"


def test_a_task_that_nobody_asked_for_says_nothing() -> None:
    row: AnnotationRow = annotation()
    assert list(changes(task(row), {}, {}, None, reading(), NOON)) == []

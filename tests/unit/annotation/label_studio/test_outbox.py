"""The outbox: each request once, the last one speaks for its task, what is out of date is never shown."""

import pytest
from sqlalchemy import Engine

from annotation.label_studio.outbox import Due, Outbox
from annotation.label_studio.tables import State
from streams.errors import BadRecord
from tests.unit.annotation.label_studio.bridge_builders import asked, database, request, states, withdrawn

FAR_AHEAD = 2**62


@pytest.fixture
def engine() -> Engine:
    return database()


def due(outbox: Outbox, limit: int = 10, open_limit: int = 10) -> list[Due]:
    return outbox.due("mood", limit, open_limit)


def items(found: list[Due]) -> list[str]:
    return [one.fact.item_id for one in found]


def send(outbox: Outbox, task_id: int = 100) -> None:
    outbox.sent({one: task_id + number for number, one in enumerate(due(outbox))})


def test_a_request_that_comes_again_is_taken_once(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a"), request("a")), [])
    outbox.take(asked(request("a")), [])
    assert states(engine) == {"a1": "pending"}


def test_requests_leave_in_the_order_in_which_they_came(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(*(request(item) for item in "cab")), [])
    assert items(due(outbox)) == ["c", "a", "b"]


def test_above_the_limit_of_open_tasks_new_requests_wait(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(*(request(item) for item in "abc")), [])
    assert items(due(outbox, open_limit=2)) == ["a", "b"]
    outbox.sent({one: 100 for one in due(outbox, open_limit=2)})
    assert due(outbox, open_limit=2) == []


def test_a_request_about_an_open_task_passes_the_limit(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a")), [])
    send(outbox)
    outbox.take(asked(request("b"), request("a", part=1, purpose="adjudication", annotators=3)), [])
    [one] = due(outbox, open_limit=1)
    assert (one.fact.purpose, one.task_id) == ("adjudication", 100)


def test_the_last_request_speaks_for_those_before_it(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a"), request("a", part=1, acquisition=0.9)), [])
    [one] = due(outbox)
    assert one.fact.acquisition == 0.9
    send(outbox)
    assert states(engine) == {"a1": "superseded", "a1'": "sent"}


def test_a_withdrawn_item_that_was_never_tried_is_dropped(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a"), request("b")), [])
    outbox.take([], [withdrawn("a")])
    assert states(engine) == {"a1": "dropped", "b1": "pending"}


def test_a_withdrawn_item_that_was_tried_is_removed_as_it_may_be_there(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a")), [])
    outbox.attempting(one.id for one in due(outbox))
    outbox.take([], [withdrawn("a")])
    assert states(engine) == {"a1": "removing"}


def test_a_task_withdrawn_while_it_is_created_stays_unwanted(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a")), [])
    found = due(outbox)
    outbox.attempting(one.id for one in found)
    outbox.take([], [withdrawn("a")])
    outbox.sent({one: 100 for one in found})
    assert [one.item_id for one in outbox.unwanted("mood", 10, FAR_AHEAD)] == ["a"]


def test_a_request_that_comes_after_the_withdrawal_of_its_version_is_dropped(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take([], [withdrawn("a", version=3), withdrawn("a", version=2)])
    outbox.take(asked(request("a", version=3), request("a", version=4)), [])
    assert states(engine) == {"a3": "dropped", "a4": "pending"}


def test_newer_content_retires_the_open_task_of_the_older(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a", version=1)), [])
    send(outbox)
    outbox.take(asked(request("a", version=2)), [])
    assert states(engine) == {"a1": "retiring", "a2": "pending"}
    assert [one.answered_too for one in outbox.unwanted("mood", 10, FAR_AHEAD)] == [False]


def test_an_older_version_that_comes_late_is_dropped(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a", version=2), request("a", version=1)), [])
    assert states(engine) == {"a2": "pending", "a1": "dropped"}


def test_an_import_that_may_still_be_at_work_is_waited_for_before_removal(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a")), [])
    outbox.attempting(one.id for one in due(outbox))
    outbox.take([], [withdrawn("a")])
    assert outbox.unwanted("mood", 10, attempted_before=0) == []


def test_what_was_withdrawn_meanwhile_is_not_created(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a"), request("b")), [])
    found = due(outbox)
    outbox.take([], [withdrawn("a")])
    assert outbox.attempting(one.id for one in found) == {found[1].id}


def test_counts_tell_what_waits_and_what_is_open(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a"), request("b")), [])
    outbox.sent({due(outbox)[0]: 100})
    assert outbox.counts() == {"pending": 1, "sent": 1}


def test_only_media_are_linked_anew(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a")), [])
    send(outbox)
    assert [task_id for _, task_id, _ in outbox.open_tasks("mood")] == [100]
    assert outbox.open_tasks("mood", linked_before=FAR_AHEAD) == []


def test_settled_requests_do_not_come_back(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a")), [])
    outbox.settle([one.id for one in due(outbox)], State.REMOVED)
    assert due(outbox) == []


def test_a_refused_request_is_tried_again_when_its_letter_is_replayed(engine: Engine) -> None:
    outbox = Outbox(engine)
    outbox.take(asked(request("a")), [])
    [one] = due(outbox)
    outbox.refuse(one, "p", BadRecord("label_studio_refused", "no"))
    assert due(outbox) == []
    outbox.take(asked(request("a")), [])
    assert items(due(outbox)) == ["a"]

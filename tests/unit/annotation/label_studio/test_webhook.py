"""The webhook wakes the poll, and nothing else."""

import json

from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from annotation.label_studio.webhook import MAX_BYTES, MOST_HINTS, deleted_tasks, webhook

SECRET = SecretStr("open sesame")


class Sleeper:
    def __init__(self) -> None:
        self.woken: list[list[int]] = []

    def wake(self, hints: object) -> None:
        self.woken.append(list(hints))  # type: ignore[call-overload]


def test_a_call_with_the_secret_wakes_the_poll() -> None:
    sleeper = Sleeper()
    body = json.dumps({"action": "ANNOTATION_CREATED", "annotation": {"id": 5, "result": "ignored"}}).encode()
    assert webhook(sleeper.wake, SECRET)({"x-millrace-secret": "open sesame"}, body)[0] == 202
    assert sleeper.woken == [[]]


def test_a_forged_call_wakes_nobody() -> None:
    sleeper = Sleeper()
    answer = webhook(sleeper.wake, SECRET)
    assert answer({"X-Millrace-Secret": "open"}, b"{}")[0] == 403
    assert answer({}, b"{}")[0] == 403
    assert sleeper.woken == []


def test_a_huge_call_wakes_nobody() -> None:
    sleeper = Sleeper()
    assert webhook(sleeper.wake, None)({}, b" " * (MAX_BYTES + 1))[0] == 413
    assert sleeper.woken == []


def test_deleted_tasks_are_hints_where_to_look() -> None:
    sleeper = Sleeper()
    body = json.dumps({"action": "TASKS_DELETED", "tasks": [{"id": 3}, {"id": "4"}, {"id": True}, {"id": -1}, 9]})
    webhook(sleeper.wake, None)({}, body.encode())
    assert sleeper.woken == [[3]]


def test_hints_are_bounded() -> None:
    body = json.dumps({"action": "TASKS_DELETED", "tasks": [{"id": n} for n in range(1, 5_000)]})
    assert len(deleted_tasks(body.encode())) == MOST_HINTS


@given(st.binary(max_size=200))
def test_whatever_is_sent_is_survived(body: bytes) -> None:
    assert deleted_tasks(body) == []


def test_json_without_end_is_survived() -> None:
    assert deleted_tasks(b"[" * 100_000) == []
    assert deleted_tasks(b'{"action": "TASKS_DELETED", "tasks": [{"id": ' + b"9" * 5_000 + b"}]}") == []

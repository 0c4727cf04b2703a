"""Answers become facts: each once, whatever becomes of them, and nothing else does."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydantic import SecretStr

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import TaskDraft
from annotation.label_studio.webhook import Webhook, webhook
from streams.errors import Misconfigured
from tests.integration.annotation.bridge.house import COMPLETED, House

PATIENCE_S = 60.0


def test_an_answer_is_told_once_however_often_it_is_seen(house: House) -> None:
    house.ask("a", "b")
    house.answer("a")
    for _ in range(3):
        house.take_in()
    house.restart()
    house.take_in()
    assert house.facts() == [("completed", "a", 0)]


def test_an_answer_names_who_gave_it_and_where_it_lies(house: House) -> None:
    house.ask("a")
    number = house.answer("a")
    house.take_in()
    [record] = house.broker.records(COMPLETED)
    fact = json.loads(record.value or b"")
    assert fact["annotator"] == house.studio.whoami().email
    assert fact["annotation_key"] == f"{house.project}/{house.task_of('a').id}/{number}"


def test_changed_deleted_and_skipped_answers_are_told(house: House) -> None:
    house.ask("a", "b", "c")
    first, second = house.answer("a"), house.answer("b")
    house.take_in()
    house.studio.patch_annotation(first, {"result": house.desk.prediction(house.request("a"), "m1").result[:0]})
    house.studio.delete_annotation(second)
    house.annotate("c", [], was_cancelled=True)
    house.take_in()
    assert house.facts()[2:] == [("withdrawn", "a", 1), ("withdrawn", "b", 1), ("completed", "c", 0)]
    assert [letter.reason for letter in house.letters()] == ["malformed_annotation"]  # of a, which is empty now


def test_an_answer_changed_several_times_between_polls_comes_as_it_is(house: House) -> None:
    house.ask("a")
    number = house.answer("a", "good")
    house.studio.patch_annotation(number, {"result": house.studio.annotation(number).result})
    house.take_in()
    assert house.facts() == [("completed", "a", 0)]


def test_drafts_are_no_answers(house: House) -> None:
    house.ask("a")
    connection = house.studio._connection
    connection.send("POST", f"/api/tasks/{house.task_of('a').id}/drafts", body={"result": [], "lead_time": 1})
    house.take_in()
    assert house.facts() == []


def test_a_task_deleted_by_hand_is_found_by_the_sweep(house: House) -> None:
    house.ask("a", "b")
    house.answer("a")
    house.take_in()
    house.studio.delete_tasks(house.project, [house.task_of("a").id])
    house.take_in()
    assert house.facts() == [("completed", "a", 0)]  # no poll shows it
    house.restart()
    house.take_in()
    assert house.facts() == [("completed", "a", 0), ("withdrawn", "a", 1)]


def test_a_hint_has_a_deleted_task_looked_at_without_a_sweep(house: House) -> None:
    house.ask("a", "b")
    house.answer("a")
    house.answer("b")
    house.take_in()
    deleted, alive = house.task_of("a").id, house.task_of("b").id
    house.studio.delete_tasks(house.project, [deleted])
    house.intake.wake([deleted, alive, 10**9])
    house.take_in()
    assert house.facts()[2:] == [("withdrawn", "a", 1)]


def test_answers_to_tasks_made_by_hand_are_ignored(house: House) -> None:
    house.ask("a")
    [task_id] = house.studio.import_tasks(house.project, [TaskDraft({"text": "by hand"})])
    house.studio.annotate(task_id, [{"from_name": "label"}])
    house.take_in()
    assert house.facts() == []
    assert house.letters() == []


def test_a_malformed_answer_is_a_letter_that_names_the_task_and_the_others_come_through(house: House) -> None:
    house.ask("a", "b")
    house.annotate("a", [{"from_name": "elsewhere", "type": "rating", "value": {"rating": 9}}])
    house.answer("b")
    house.take_in()
    assert house.facts() == [("completed", "b", 0)]
    [letter] = house.letters()
    assert f"task {house.task_of('a').id}" in letter.detail


def test_in_a_project_that_is_gone_no_answer_counts_as_taken_back(house: House) -> None:
    house.ask("a")
    house.answer("a")
    house.take_in()
    house.studio.delete_project(house.project)
    house.restart()
    with pytest.raises(Misconfigured, match="is not there"):
        house.take_in()
    assert house.facts() == [("completed", "a", 0)]


def test_a_page_smaller_than_what_changed_loses_nothing(client: LabelStudio, tmp_path: Path) -> None:
    house = House(client, tmp_path, page=2)
    names = [f"i{n}" for n in range(7)]
    house.ask(*names)
    for name in names:
        house.answer(name)
    house.take_in()
    assert sorted(item for _, item, _ in house.facts()) == names


class Receiver:
    """A server that hands calls to a webhook."""

    def __init__(self, answer: Webhook) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, said = answer(dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhook"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_a_webhook_wakes_the_poll(client: LabelStudio, tmp_path: Path) -> None:
    heard = Event()
    statuses: list[int] = []
    secret = SecretStr("open sesame")

    def answer(headers: Any, body: bytes) -> tuple[int, bytes]:
        status, said = webhook(house.intake.wake, secret)(headers, body)
        statuses.append(status)
        heard.set()
        return status, said

    receiver = Receiver(answer)
    house = House(client, tmp_path, webhook_url=receiver.url, webhook_secret=secret, poll_s=3600.0)
    try:
        house.ask("a")
        house.take_in()
        house.intake.start()
        house.answer("a")
        assert heard.wait(PATIENCE_S)
        wait_for_facts(house, 1)
    finally:
        house.intake.stop()
        receiver.close()
    assert statuses[0] == 202


def test_with_every_webhook_dropped_the_same_labels_come(client: LabelStudio, tmp_path: Path) -> None:
    house = House(client, tmp_path, webhook_url="http://127.0.0.1:1/webhook")
    house.ask("a", "b")
    house.answer("a")
    house.studio.delete_annotation(house.answer("b"))
    house.answer("b")
    house.take_in()
    assert [(kind, item) for kind, item, _ in house.facts()] == [("completed", "a"), ("completed", "b")]


def wait_for_facts(house: House, count: int) -> None:
    waited = Event()
    for _ in range(int(PATIENCE_S * 20)):
        if len(house.facts()) >= count:
            return
        waited.wait(0.05)
    raise AssertionError(f"no fact came: {house.intake.ready()}")

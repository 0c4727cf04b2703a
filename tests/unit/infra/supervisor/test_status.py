from pathlib import Path

from infra.supervisor.child import Readiness
from infra.supervisor.status import readiness_in, status_of


def test_a_ready_process_needs_no_reason() -> None:
    assert readiness_in(200, b'{"ready": true, "reasons": []}') == Readiness(True)


def test_a_waiting_process_gives_its_reasons() -> None:
    answer = b'{"ready": false, "reasons": ["indexing: the broker is down"]}'
    assert readiness_in(503, answer) == Readiness(False, ("indexing: the broker is down",))


def test_an_answer_that_is_not_json_is_shown_as_it_is() -> None:
    assert readiness_in(503, b"starting up") == Readiness(False, ("starting up",))


def test_an_empty_refusal_is_shown_by_its_status() -> None:
    assert readiness_in(500, b"") == Readiness(False, ("HTTP status 500",))


def test_a_folder_where_nothing_ever_ran_is_down(tmp_path: Path) -> None:
    assert status_of(tmp_path).phase == "down"

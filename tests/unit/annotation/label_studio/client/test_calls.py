from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from annotation.label_studio.client.errors import Absent, Invalid
from annotation.label_studio.client.rows import PredictionDraft, TaskDraft
from streams.errors import Unavailable
from tests.unit.annotation.label_studio.client.server import Scripted, says, tasks

MOMENT = datetime(2026, 11, 22, 5, 58, 41, tzinfo=UTC)


def row(number: int, item: str | None = None) -> dict[str, object]:
    return {"id": number, "data": {"item_id": item or f"item-{number}"}}


def test_an_empty_list_of_tasks_to_delete_is_never_sent() -> None:
    server = Scripted([])
    server.client().delete_tasks(1, [])
    assert server.requests == []


def test_deleting_names_the_tasks() -> None:
    server = Scripted([says(200, {"processed_items": 2})])
    server.client().delete_tasks(1, [3, 4])
    assert server.requests[0].content == b'{"selectedItems":{"all":false,"included":[3,4]}}'


def test_nothing_to_import_is_not_sent() -> None:
    assert Scripted([]).client().import_tasks(1, []) == []


def test_an_import_that_created_fewer_tasks_is_not_believed() -> None:
    server = Scripted([says(201, {"task_ids": [1]})])
    with pytest.raises(Unavailable, match="1 tasks of 2"):
        server.client().import_tasks(1, [TaskDraft({}), TaskDraft({})])


def test_a_prediction_that_the_server_dropped_silently_is_noticed() -> None:
    server = Scripted([says(201, {"created": 0})])
    with pytest.raises(Invalid, match="0 pre-labels of 1"):
        server.client().add_predictions(1, [(5, PredictionDraft("m1", 0.5))])


def test_a_prediction_with_a_cluster_goes_by_the_call_that_keeps_it() -> None:
    server = Scripted([says(201, {"created": 1}), says(201, {})])
    server.client().add_predictions(1, [(5, PredictionDraft("m1", 0.5)), (6, PredictionDraft("m1", 0.4, (), 2))])
    assert [request.url.path for request in server.requests] == [
        "/api/projects/1/import/predictions",
        "/api/predictions/",
    ]


def test_a_project_is_found_by_its_exact_title_only() -> None:
    found = [{"id": 1, "title": "Cats and dogs"}, {"id": 2, "title": "cats"}]
    server = Scripted(
        [says(200, {"results": found, "next": "more"}), says(200, {"results": [{"id": 3, "title": "Cats"}]})]
    )
    project = server.client().find_project("Cats")
    assert project is not None
    assert project.id == 3


def test_of_two_projects_with_one_title_the_older_is_taken() -> None:
    server = Scripted([says(200, {"results": [{"id": 9, "title": "Cats"}, {"id": 4, "title": "Cats"}]})])
    project = server.client().find_project("Cats")
    assert project is not None
    assert project.id == 4


def test_rows_of_items_that_were_not_asked_for_are_dropped() -> None:
    """As they come where something on the way lost the query."""
    server = Scripted([tasks(row(1, "a"), row(2, "b"), row(3, "a"))])
    found = server.client().find_tasks(1, ["a", "a"])
    assert {item: [task.id for task in rows] for item, rows in found.items()} == {"a": [1, 3]}


def test_few_items_are_asked_for_in_the_address() -> None:
    server = Scripted([tasks()])
    server.client().find_tasks(1, [f"item-{n}" for n in range(100)])
    assert server.requests[0].content == b""


def test_many_items_are_asked_for_in_the_body() -> None:
    server = Scripted([tasks(), tasks()])
    server.client().find_tasks(1, [f"item-{n}" for n in range(1_500)])
    assert [len(server.query(number)["filters"]["items"][0]["value"]) for number in (0, 1)] == [1_000, 500]
    assert all("query" not in request.url.params for request in server.requests)


def test_ids_too_long_for_an_address_go_in_the_body() -> None:
    server = Scripted([tasks()])
    server.client().find_tasks(1, ["ü" * 512] * 1 + ["x" * 512 + str(n) for n in range(9)])
    assert "query" not in server.requests[0].url.params


def test_a_full_page_is_followed_by_the_next_by_id() -> None:
    full = [row(number, "a") for number in range(1, 501)]
    server = Scripted([tasks(*full), tasks(row(501, "a"))])
    assert len(server.client().find_tasks(1, ["a"])["a"]) == 501
    assert server.query(1)["filters"]["items"][1]["value"] == 500


@pytest.mark.parametrize("moment", [MOMENT, MOMENT.astimezone(timezone(timedelta(hours=3)))])
def test_a_moment_is_asked_for_in_utc_with_its_microseconds(moment: datetime) -> None:
    server = Scripted([tasks()])
    server.client().tasks_updated_since(1, moment)
    [asked] = server.query(0)["filters"]["items"]
    assert (asked["operator"], asked["value"]) == ("greater_or_equal", "2026-11-22T05:58:41.000000Z")


def test_the_page_beyond_the_last_is_empty() -> None:
    assert Scripted([says(404)]).client().tasks_updated_since(1, MOMENT, page=2) == []


def test_a_project_that_is_gone_is_told_from_an_empty_page() -> None:
    with pytest.raises(Absent):
        Scripted([says(404)]).client().tasks_updated_since(1, MOMENT)


def test_a_row_without_what_makes_it_a_task_is_no_crash() -> None:
    with pytest.raises(Unavailable, match="not understood"):
        Scripted([tasks({"data": {}})]).client().tasks_by_keyset(1)


def test_a_strange_result_passes_through_for_others_to_judge() -> None:
    annotation = {"id": 1, "updated_at": "2026-11-22T05:58:41Z", "result": "nonsense", "completed_by": {"id": 3}}
    [task] = Scripted([tasks({**row(1), "annotations": [annotation]})]).client().tasks_by_keyset(1)
    assert (task.annotations[0].result, task.annotations[0].completed_by) == ("nonsense", 3)


def test_a_task_that_somebody_else_made_has_no_item() -> None:
    [first, second] = Scripted([tasks({"id": 1, "data": {"item_id": 5}}, {"id": 2})]).client().tasks_by_keyset(1)
    assert (first.item_id, second.item_id) == (None, None)


def test_an_annotation_that_is_there_already_is_no_error() -> None:
    server = Scripted([says(409, {"detail": "Annotation with this unique id already exists"})])
    assert server.client().annotate(1, [], UUID(int=1)) is None


def test_only_what_changes_of_a_task_is_sent() -> None:
    server = Scripted([says(200, {})])
    server.client().patch_task(1, overlap=2)
    assert server.requests[0].content == b'{"overlap":2}'


def test_when_nothing_is_left_no_task_is_served() -> None:
    assert Scripted([says(404)]).client().next_task(1) is None

"""Tasks and their pre-labels. The server never recognises a task as one that it has: find before you import."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue

from annotation.label_studio.client.connection import Connection, part, shaped
from annotation.label_studio.client.errors import Absent, Invalid
from annotation.label_studio.client.queries import (
    ANNOTATIONS,
    TASK,
    Filter,
    after,
    chunks,
    of_items,
    placed,
    query,
    updated_since,
)
from annotation.label_studio.client.rows import PredictionDraft, PredictionRow, TaskDraft, TaskRow
from streams.errors import Unavailable

PAGE_SIZE = 500
ANNOTATED_PAGE_SIZE = 200


class TaskCalls:
    """What can be asked of tasks."""

    _connection: Connection

    def find_tasks(self, project: int, item_ids: Iterable[str]) -> dict[str, list[TaskRow]]:
        """The tasks of items, the oldest first; items without one are left out. Annotations are not included."""
        found: dict[str, list[TaskRow]] = {}
        for chunk in chunks(list(dict.fromkeys(item_ids))):
            wanted = set(chunk)
            for row in self._every_page(project, of_items(chunk)):
                if row.item_id in wanted:
                    found.setdefault(str(row.item_id), []).append(row)
        return found

    def import_tasks(self, project: int, drafts: Sequence[TaskDraft]) -> list[int]:
        """Creates tasks, all or none, and answers their ids in the order given. Raises Invalid.

        After Unavailable they may be there all the same: find them before you try again.
        """
        if not drafts:
            return []
        body = [draft.as_json() for draft in drafts]
        path = f"/api/projects/{project}/import"
        answer = self._connection.send("POST", path, params={"return_task_ids": "true"}, body=body)
        ids = shaped(list[int], part(answer, "task_ids"))
        if len(ids) != len(drafts):
            raise Unavailable(f"Label Studio created {len(ids)} tasks of {len(drafts)}")
        return ids

    def add_predictions(self, project: int, predictions: Sequence[tuple[int, PredictionDraft]]) -> None:
        """Adds pre-labels to tasks by id, those without a cluster in one call. Raises Invalid where a task is unknown.

        One of the same version beside it is not replaced.
        """
        many = [{"task": task, **draft.as_json()} for task, draft in predictions if draft.cluster is None]
        if many:
            answer = self._connection.send("POST", f"/api/projects/{project}/import/predictions", body=many)
            if part(answer, "created") != len(many):
                raise Invalid(f"Label Studio took {answer.get('created')} pre-labels of {len(many)}", 400)
        for task, draft in predictions:
            if draft.cluster is not None:  # kept by this call only
                self._connection.send("POST", "/api/predictions/", body={"task": task, **draft.as_json()})

    def predictions(self, task: int) -> list[PredictionRow]:
        """Of all versions."""
        return shaped(list[PredictionRow], self._connection.send("GET", "/api/predictions/", params={"task": task}))

    def patch_prediction(self, prediction: int, fields: Mapping[str, Any]) -> PredictionRow:
        """Of `score`, `result`, `model_version`, `cluster`, those that change."""
        return self._connection.read(PredictionRow, "PATCH", f"/api/predictions/{prediction}/", body=dict(fields))

    def delete_tasks(self, project: int, task_ids: Sequence[int]) -> None:
        """With their answers. Unknown ids are no error."""
        if not task_ids:
            return  # to the server an empty list means every task
        body = {"selectedItems": {"all": False, "included": list(task_ids)}}
        self._connection.send("POST", "/api/dm/actions/", params={"id": "delete_tasks", "project": project}, body=body)

    def tasks_updated_since(
        self, project: int, moment: datetime, page: int = 1, page_size: int = ANNOTATED_PAGE_SIZE
    ) -> list[TaskRow]:
        """Tasks with their annotations, changed at that moment or later, in the order of their changes.

        Every change of an annotation moves its task's `updated_at`, deletion included. Several tasks may share a
        moment: read pages until one is short, and begin the next time with the last moment seen, not after it.
        """
        filters = [updated_since(moment)]
        return self._page(project, filters, "updated_at", annotated=True, page=page, page_size=page_size)

    def tasks_by_keyset(
        self, project: int, after_id: int = 0, annotated: bool = True, page_size: int = ANNOTATED_PAGE_SIZE
    ) -> list[TaskRow]:
        """The next tasks by id; empty at the end. None is missed when others are deleted meanwhile."""
        return self._page(project, [after(after_id)], "id", annotated=annotated, page_size=page_size)

    def task(self, task: int) -> TaskRow:
        """With annotations and predictions. Raises Absent."""
        return self._connection.read(TaskRow, "GET", f"/api/tasks/{task}/")

    def patch_task(
        self,
        task: int,
        overlap: int | None = None,
        data: Mapping[str, JsonValue] | None = None,
        meta: Mapping[str, JsonValue] | None = None,
    ) -> None:
        """`data` and `meta` are replaced whole: give `item_id` again."""
        given = {"overlap": overlap, "data": data, "meta": meta}
        fields = {name: value for name, value in given.items() if value is not None}
        self._connection.send("PATCH", f"/api/tasks/{task}/", body=fields)

    def _every_page(self, project: int, wanted: Filter) -> Iterator[TaskRow]:
        last, rows = 0, [TaskRow(id=0)]
        while rows:
            rows = self._page(project, [wanted, after(last)], "id", annotated=False)
            yield from rows
            if len(rows) < PAGE_SIZE:
                return
            last = rows[-1].id

    def _page(
        self,
        project: int,
        filters: Sequence[Filter],
        ordering: str,
        *,
        annotated: bool,
        page: int = 1,
        page_size: int = PAGE_SIZE,
    ) -> list[TaskRow]:
        include = f"{TASK},{ANNOTATIONS}" if annotated else TASK
        params: dict[str, Any] = {"project": project, "page": page, "page_size": page_size, "include": include}
        if annotated:
            params["fields"] = "all"
        asked, body = placed(query(filters, ordering))
        try:
            answer = self._connection.send("GET", "/api/tasks/", params={**params, **asked}, body=body)
        except Absent:
            if page == 1:
                raise
            return []  # beyond the end
        return shaped(list[TaskRow], part(answer, "tasks"))

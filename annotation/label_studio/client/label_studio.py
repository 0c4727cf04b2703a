"""The client: one object for a Label Studio server and a token. Safe to share between threads."""

from collections.abc import Mapping, Sequence
from typing import Any, Self
from uuid import UUID

import httpx

from annotation.label_studio.client.connection import Connection, part, shaped
from annotation.label_studio.client.errors import Absent, AlreadyThere, Declined
from annotation.label_studio.client.people import PeopleCalls
from annotation.label_studio.client.projects import ProjectCalls
from annotation.label_studio.client.rows import AnnotationRow, Regions, TaskRow, WebhookRow
from annotation.label_studio.client.tasks import TaskCalls
from streams.errors import Misconfigured, Unavailable

TIMEOUT_S = 30.0
ACTIONS = ("ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED", "TASKS_DELETED")
"""Webhook actions by which labels come and go; the plural of the third is the server's."""


class LabelStudio(ProjectCalls, TaskCalls, PeopleCalls):
    """Calls raise Unavailable (down: try again), Misconfigured (address or token) or a Declined (the request)."""

    def __init__(
        self, url: str, token: str, timeout_s: float = TIMEOUT_S, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._connection = Connection(url, token, timeout_s, transport)

    @property
    def url(self) -> str:
        return self._connection.url

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def health(self) -> bool:
        """Whether the server answers and is up. Asks for no token."""
        try:
            answer = self._connection.send("GET", "/health")
        except (Unavailable, Misconfigured, Declined):
            return False
        return isinstance(answer, dict) and answer.get("status") == "UP"

    def version(self) -> str:
        return shaped(str, part(self._connection.send("GET", "/api/version"), "release"))

    def next_task(self, project: int) -> TaskRow | None:
        """The task that the token's owner is to answer now, with the predictions shown; None when nothing is left.

        An unanswered task stays theirs for a day and is served again, whatever better one has arrived.
        """
        try:
            return self._connection.read(TaskRow, "GET", f"/api/projects/{project}/next")
        except Absent:
            return None

    def annotations(self, task: int) -> list[AnnotationRow]:
        """Raises Absent where the task is gone."""
        return shaped(list[AnnotationRow], self._connection.send("GET", f"/api/tasks/{task}/annotations/"))

    def annotate(
        self,
        task: int,
        result: Regions,
        unique_id: UUID | None = None,
        lead_time: float | None = None,
        completed_by: int | None = None,
        was_cancelled: bool = False,
    ) -> AnnotationRow | None:
        """Answers a task; None where an annotation of this `unique_id` is there already, so that a retry is safe.

        Raises Absent where the task is gone. The server checks neither the result nor how many answered.
        """
        given = {
            "lead_time": lead_time,
            "completed_by": completed_by,
            "unique_id": str(unique_id) if unique_id else None,
        }
        fields = {name: value for name, value in given.items() if value is not None}
        body = {"result": list(result), "was_cancelled": was_cancelled, **fields}
        try:
            return self._connection.read(AnnotationRow, "POST", f"/api/tasks/{task}/annotations/", body=body)
        except AlreadyThere:
            return None

    def annotation(self, annotation: int) -> AnnotationRow:
        """Raises Absent where it was deleted."""
        return self._connection.read(AnnotationRow, "GET", f"/api/annotations/{annotation}/")

    def patch_annotation(self, annotation: int, fields: Mapping[str, Any]) -> AnnotationRow:
        """Of `result`, `was_cancelled`, `ground_truth`, `lead_time`, `completed_by`, those that change."""
        return self._connection.read(AnnotationRow, "PATCH", f"/api/annotations/{annotation}/", body=dict(fields))

    def delete_annotation(self, annotation: int) -> None:
        """Raises Absent where it is gone already."""
        self._connection.send("DELETE", f"/api/annotations/{annotation}/")

    def create_webhook(
        self, project: int, url: str, headers: Mapping[str, str] | None = None, actions: Sequence[str] = ACTIONS
    ) -> WebhookRow:
        """The server calls once, waits a second, never again: good to wake up, not to rely on.

        To change its actions delete it and create another: the server's PATCH drops them.
        """
        body = {
            "project": project,
            "url": url,
            "send_payload": True,
            "send_for_all_actions": False,
            "headers": dict(headers or {}),
            "actions": list(actions),
        }
        return self._connection.read(WebhookRow, "POST", "/api/webhooks/", body=body)

    def webhooks(self, project: int) -> list[WebhookRow]:
        return shaped(list[WebhookRow], self._connection.send("GET", "/api/webhooks/", params={"project": project}))

    def delete_webhook(self, webhook: int) -> None:
        self._connection.send("DELETE", f"/api/webhooks/{webhook}/")

"""Projects, and which predictions order their tasks."""

from collections.abc import Mapping
from typing import Any

from annotation.label_studio.client.connection import Connection, part, shaped
from annotation.label_studio.client.errors import Invalid
from annotation.label_studio.client.rows import ProjectRow

PAGE_SIZE = 100


class ProjectCalls:
    """What can be asked of projects."""

    _connection: Connection

    def find_project(self, title: str) -> ProjectRow | None:
        """The oldest project of exactly this title; the server's own filter takes parts of titles and any case."""
        found: list[ProjectRow] = []
        page, more = 1, True
        while more:
            params = {"title": title, "page": page, "page_size": PAGE_SIZE}
            answer = self._connection.send("GET", "/api/projects/", params=params)
            found += [row for row in shaped(list[ProjectRow], part(answer, "results")) if row.title == title]
            page, more = page + 1, bool(part(answer, "next"))
        return min(found, key=lambda row: row.id, default=None)

    def project(self, project: int) -> ProjectRow:
        """Raises Absent."""
        return self._connection.read(ProjectRow, "GET", f"/api/projects/{project}/")

    def create_project(self, title: str, label_config: str, fields: Mapping[str, Any] | None = None) -> ProjectRow:
        """A new project even where one of this title exists. Tasks with the lowest score are served first.

        Titles have 3 to 50 characters.
        """
        body = {"title": title, "label_config": label_config, "sampling": "Uncertainty sampling", **(fields or {})}
        return self._connection.read(ProjectRow, "POST", "/api/projects/", body=body)

    def patch_project(self, project: int, fields: Mapping[str, Any]) -> ProjectRow:
        return self._connection.read(ProjectRow, "PATCH", f"/api/projects/{project}/", body=dict(fields))

    def delete_project(self, project: int) -> None:
        """With all its tasks and answers."""
        self._connection.send("DELETE", f"/api/projects/{project}/")

    def validate_config(self, label_config: str) -> str | None:
        """What is wrong with a label config, or None."""
        try:
            self._connection.send("POST", "/api/projects/validate/", body={"label_config": label_config})
        except Invalid as error:
            return str(error)
        return None

    def model_versions(self, project: int) -> dict[str, int]:
        """Predictions of each version."""
        answer = self._connection.send("GET", f"/api/projects/{project}/model-versions/")
        return shaped(dict[str, int], answer)

    def set_model_version(self, project: int, model_version: str) -> None:
        """From the next call on its scores order the tasks. Add its predictions before: the server refuses an unknown
        version with Invalid, and serves tasks without a prediction of the version last, in random order.
        """
        self.patch_project(project, {"model_version": model_version})

    def delete_model_version(self, project: int, model_version: str) -> int:
        """Deletes its predictions, about a hundred a second, and says how many there were."""
        path = f"/api/projects/{project}/model-versions/"
        answer = self._connection.send("DELETE", path, body={"model_version": model_version})
        return shaped(int, part(answer, "deleted_predictions"))

"""The project of each task: found or created in one place, and remembered, so that it is never taken for another.

Once its id is known it is that project or none: a Label Studio that was emptied or exchanged must not look like one in
which all labels were deleted.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog
from pydantic import SecretStr
from sqlalchemy import Engine, insert, select, update

from annotation.label_studio.client.errors import Absent, Declined
from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import ProjectRow
from annotation.label_studio.config import LabelStudioConfig
from annotation.label_studio.tables import projects
from annotation.label_studio.templates.page import label_config, project_fields
from annotation.tasks import TaskConfig
from streams.errors import Misconfigured

logger = structlog.get_logger()
SECRET_HEADER = "X-Millrace-Secret"


@dataclass(frozen=True, slots=True)
class Project:
    """What is remembered of a project."""

    id: int
    title: str
    model_version: str | None
    """Whose scores order the tasks."""
    versioned_at: int
    """When the newest request of that version was made, in ms."""
    horizon: datetime | None
    """All changes up to this moment have been read."""


class Projects:
    """May be shared by threads; only the exporter creates."""

    def __init__(self, engine: Engine, server: LabelStudio, config: LabelStudioConfig) -> None:
        self._engine = engine
        self._server = server
        self._config = config
        self._checked: set[str] = set()

    def known(self, task: TaskConfig) -> Project | None:
        """None before the exporter has made it."""
        with self._engine.execution_options(reading=True).begin() as connection:
            row = connection.execute(select(projects).where(projects.c.task == task.name)).first()
        if row is None:
            return None
        horizon = datetime.fromisoformat(row.horizon) if row.horizon else None
        return Project(row.project_id, row.title, row.model_version, row.versioned_at, horizon)

    def check(self, project: Project) -> ProjectRow:
        """The project as it is. Raises Misconfigured if it is gone or another one stands in its place."""
        try:
            row = self._server.project(project.id)
        except Absent as error:
            raise Misconfigured(f"{_missing(project)}: it was deleted, or this is another Label Studio") from error
        if row.title != project.title:
            raise Misconfigured(f"{_missing(project)}: project {row.id} is called {row.title!r}")
        return row

    def ensure(self, task: TaskConfig) -> Project:
        """The project of a task, created if there is none, with the page that the task asks for."""
        project = self.known(task)
        if project is None:
            row = self._found_or_created(task)
            project = self._remember(task, row)
        elif task.name not in self._checked:
            row = self.check(project)
        if task.name not in self._checked:
            self._refresh(task, row)
            self._checked.add(task.name)
        return project

    def versioned(self, task: TaskConfig, model_version: str, at: int) -> None:
        """Remembers whose scores order the tasks."""
        self._update(task, model_version=model_version, versioned_at=at)

    def read_up_to(self, task: TaskConfig, horizon: datetime) -> None:
        """Remembers where the next poll begins."""
        self._update(task, horizon=horizon.isoformat())

    def _found_or_created(self, task: TaskConfig) -> ProjectRow:
        title = self._config.title.format(task=task.name)
        found = self._server.find_project(title)
        return found or self._server.create_project(title, label_config(task), project_fields(task))

    def _remember(self, task: TaskConfig, row: ProjectRow) -> Project:
        values = {"task": task.name, "project_id": row.id, "title": row.title, "versioned_at": 0}
        with self._engine.begin() as connection:
            connection.execute(insert(projects).values(**values))
        return Project(row.id, row.title, None, 0, None)

    def _refresh(self, task: TaskConfig, row: ProjectRow) -> None:
        """Settings may have changed since the project was made."""
        wanted = {"label_config": label_config(task), **project_fields(task)}
        if any(getattr(row, name, value) != value for name, value in wanted.items()):
            try:
                self._server.patch_project(row.id, wanted)
            except Declined as error:
                raise Misconfigured(f"labelling task {task.name} does not fit its answers any more: {error}") from error
        if self._config.webhook_url:
            self._listen(row.id, self._config.webhook_url, self._config.webhook_secret)

    def _listen(self, project: int, url: str, secret: SecretStr | None) -> None:
        headers = {SECRET_HEADER: secret.get_secret_value()} if secret else {}
        try:
            for hook in self._server.webhooks(project):
                if hook.url == url:
                    self._server.delete_webhook(hook.id)
            self._server.create_webhook(project, url, headers)
        except (Declined, Misconfigured) as error:
            logger.warning("no webhook, polling alone", project=project, reason=str(error))

    def _update(self, task: TaskConfig, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(projects).where(projects.c.task == task.name).values(**values))


def _missing(project: Project) -> str:
    return f"Label Studio's project {project.id}, {project.title!r}, is not there"

"""The incoming side: answers in Label Studio become facts in the log, each once.

A poll asks each project for what changed since the horizon. What follows from it is written down together with what is
known from then on, in one transaction, and published afterwards; ids are computed, so that publishing twice is
harmless. A slow sweep through all tasks finds what no poll shows: tasks that were deleted, and twins.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from pydantic import JsonValue
from sqlalchemy import Engine

from annotation.label_studio.answers.changes import Reading
from annotation.label_studio.answers.horizon import Horizon
from annotation.label_studio.answers.ledger import Ledger
from annotation.label_studio.client.errors import Absent
from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import TaskRow
from annotation.label_studio.config import LabelStudioConfig
from annotation.label_studio.running.turn import Turn
from annotation.label_studio.sending.drafts import Desk
from annotation.label_studio.sending.projects import Project, Projects
from annotation.label_studio.telling.messages import Messages
from annotation.label_studio.templates.reading import read_answer
from annotation.tasks import TaskConfig
from schemas.annotations import Result
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord, Misconfigured
from streams.patrol import Patrol
from streams.port import Producer

logger = structlog.get_logger()

NAME = "intake"
MOST_HINTS = 1_000


@dataclass(slots=True)
class Watch:
    """Where the intake is in one project."""

    horizon: Horizon
    swept_to: int = 0
    """The sweep has read tasks up to this id."""
    sweep_at: float = float("-inf")
    """When the next sweep begins."""


class Intake:
    """A service beside the stage `bridge`."""

    def __init__(
        self,
        engine: Engine,
        server: LabelStudio,
        desks: Sequence[Desk],
        config: LabelStudioConfig,
        prefix: str,
        producer: Producer,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._server = server
        self._desks = desks
        self._config = config
        self._projects = Projects(engine, server, config)
        self._ledger = Ledger(engine, prefix, config.skips, self._clock)
        self._messages = Messages(engine, producer)
        self._people: dict[int, str] = {}
        self._watches: dict[str, Watch] = {}
        self._hints: set[int] = set()
        self._hinting = threading.Lock()
        self._turn = Turn(engine, NAME)
        self._patrol = Patrol(NAME, self.step, config.poll_s, config.backoff)
        self.start, self.ready = self._patrol.start, self._patrol.ready

    def stop(self) -> None:
        self._patrol.stop()
        self._turn.end()

    def wake(self, deleted_tasks: Iterable[int] = ()) -> None:
        """Polls soon, and looks whether these tasks are gone. Safe from any thread."""
        with self._hinting:
            self._hints.update(list(deleted_tasks)[: MOST_HINTS - len(self._hints)])
        self._patrol.wake()

    def step(self) -> bool:
        """One poll of every project; whether there is more to do at once. One that is gone stops no other."""
        if not self._turn.mine():
            return False
        self._messages.publish()
        with self._hinting:
            hints, self._hints = self._hints, set()
        more, wrong = False, None
        for desk in self._desks:
            project = self._projects.known(desk.task)
            if project is None:
                continue  # the exporter has not made it yet
            try:
                self._poll(desk, project)
                self._look(desk, project, hints)
                more |= self._sweep(desk, project)
            except (Misconfigured, Absent) as error:
                wrong = error
        self._messages.publish()
        if wrong is not None:
            raise wrong
        return more

    def _poll(self, desk: Desk, project: Project) -> None:
        watch = self._watch(desk.task, project)
        began, since, size = self._clock.monotonic(), watch.horizon.since, self._config.page
        while True:
            rows = self._server.tasks_updated_since(project.id, since, page_size=size)
            self._apply(desk, project, rows)
            last = rows[-1].updated_at if rows else None
            if last is not None:
                watch.horizon.saw(last, began)
            if len(rows) < size or last is None:
                break
            size = size * 2 if last == since else self._config.page  # more changes of one moment than fit a page
            since = last
        if watch.horizon.advance(self._clock.monotonic()):
            self._projects.read_up_to(desk.task, watch.horizon.since)

    def _sweep(self, desk: Desk, project: Project) -> bool:
        """A page of the sweep, if one is due; whether it goes on."""
        watch = self._watch(desk.task, project)
        if self._clock.monotonic() < watch.sweep_at:
            return False
        asked_at = datetime.fromtimestamp(self._clock.time(), UTC)
        rows = self._server.tasks_by_keyset(project.id, watch.swept_to, page_size=self._config.page)
        self._apply(desk, project, rows)
        last = rows[-1].id if rows else None
        gone = self._ledger.missing(desk.task, project.id, (watch.swept_to, last), rows, asked_at)
        self._confirm(desk, project, gone)
        watch.swept_to = last or 0
        if last is None:
            watch.sweep_at = self._clock.monotonic() + self._config.sweep_s
        return last is not None

    def _look(self, desk: Desk, project: Project, hints: Iterable[int]) -> None:
        """Whether tasks that somebody calls deleted are; only those that the bridge made."""
        self._confirm(desk, project, [task_id for task_id in hints if self._ledger.knows(desk.task, task_id)])

    def _confirm(self, desk: Desk, project: Project, suspects: Sequence[int]) -> None:
        """Believes that tasks are gone only if the project is there and each of them is not."""
        if not suspects:
            return
        self._projects.check(project)
        for task_id in suspects:
            try:
                self._server.task(task_id)
            except Absent:
                count = self._ledger.gone(desk.task, self._reading(desk, project), task_id)
                logger.info("a task was deleted", task=desk.task.name, task_id=task_id, answers=count)

    def _apply(self, desk: Desk, project: Project, rows: Sequence[TaskRow]) -> None:
        if not rows:
            return
        self._meet({one.completed_by for row in rows for one in row.annotations if one.completed_by is not None})
        self._ledger.apply(desk.task, self._reading(desk, project), rows)

    def _reading(self, desk: Desk, project: Project) -> Reading:
        return Reading(project.id, _judge(desk.task), self._name_of, desk.shows_prelabel)

    def _meet(self, users: set[int]) -> None:
        """Learns the names of people who are new to us."""
        if users - self._people.keys():
            self._people |= {user.id: user.email or str(user.id) for user in self._server.users()}
            self._people |= {user: str(user) for user in users - self._people.keys()}

    def _name_of(self, user: int | None) -> str:
        return "unknown" if user is None else self._people.get(user, str(user))

    def _watch(self, task: TaskConfig, project: Project) -> Watch:
        if task.name not in self._watches:
            self._projects.check(project)
            self._watches[task.name] = Watch(Horizon(project.horizon, self._config.overlap_s))
        return self._watches[task.name]


def _judge(task: TaskConfig) -> Callable[[JsonValue], Result]:
    def judge(result: JsonValue) -> Result:
        read_answer(task, result)
        if not isinstance(result, list):
            raise BadRecord("malformed_annotation", "the result is no list")
        return tuple(region for region in result if isinstance(region, dict))

    return judge

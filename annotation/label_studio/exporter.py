"""The outgoing side: drains the outbox into Label Studio.

Label Studio never recognises a task as one that it has, and a reply may be lost, so tasks are found before they are
created, always; and what may still be on its way in is given time to arrive. Predictions are there before the project's
model version names them, or the order would be random meanwhile.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import Engine

from annotation.label_studio.client.errors import Absent, Invalid
from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import PredictionDraft, TaskDraft, TaskRow
from annotation.label_studio.config import LabelStudioConfig
from annotation.label_studio.outbox import Due, Outbox
from annotation.label_studio.running import metrics
from annotation.label_studio.running.turn import Turn
from annotation.label_studio.sending.drafts import Desk, item_version
from annotation.label_studio.sending.projects import Project, Projects
from annotation.label_studio.tables import State
from schemas.annotations import AnnotationRequested
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord, Misconfigured
from streams.patrol import Patrol

NAME = "exporter"
FEW = 10
RELINKED_AT_ONCE = 50


class Exporter:
    """A service beside the stage `bridge`. Nobody else creates tasks in its projects."""

    def __init__(
        self,
        engine: Engine,
        server: LabelStudio,
        desks: Sequence[Desk],
        config: LabelStudioConfig,
        prefix: str,
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._outbox = Outbox(engine, self._clock)
        self._server = server
        self._desks = desks
        self._config = config
        self._prefix = prefix
        self._projects = Projects(engine, server, config)
        self._turn = Turn(engine, NAME)
        self._patrol = Patrol(NAME, self.step, config.export_s, config.backoff)
        self.start, self.wake = self._patrol.start, self._patrol.wake

    def stop(self) -> None:
        self._patrol.stop()
        self._turn.end()

    def ready(self) -> str | None:
        """None, or what is waited for."""
        reason = self._patrol.ready()
        return reason and f"{reason}; requests wait in the outbox"

    @property
    def _settled_before(self) -> int:
        """What was begun before this moment, in ms, has arrived or never will."""
        return int((self._clock.time() - self._config.settle_s) * 1000)

    def step(self) -> bool:
        """One round over all tasks; whether there is more to do at once. A task set up wrongly stops no other."""
        if not self._turn.mine():
            return False
        more, wrong = False, None
        for desk in self._desks:
            try:
                more |= self._round(desk)
            except (Misconfigured, Absent) as error:
                wrong = error
        for state, count in self._outbox.counts().items():
            metrics.REQUESTS.labels(state).set(count)
        if wrong is not None:
            raise wrong
        return more

    def _round(self, desk: Desk) -> bool:
        project = self._projects.ensure(desk.task)
        removed = self._remove(desk, project)
        due = self._outbox.due(desk.task.name, self._config.batch, self._config.open_limit)
        sent = self._send(desk, project, due) if due else 0
        self._relink(desk)
        return removed or sent > 0

    def _send(self, desk: Desk, project: Project, due: Sequence[Due]) -> int:
        """Sees to it that every request has its task, with predictions; how many have."""
        version = self._version(project, due)
        found = self._find(project, due)
        for few in _chunks(found):  # noted by and by: who dies often must get on all the same
            for one, row in few.items():
                self._renew(project, row.id, desk.prediction(one.fact, version))
                metrics.TASKS.labels("updated" if one.task_id else "found").inc()
            project = self._note(desk, project, version, few)
        created = self._create(desk, project, self._settled([one for one in due if one not in found]), version)
        if created:
            self._note(desk, project, version, created)
        return len(found) + len(created)

    def _note(self, desk: Desk, project: Project, version: str, there: Mapping[Due, TaskRow]) -> Project:
        """The tasks are there with their predictions: has people asked in the right order, and writes it down."""
        for one, row in there.items():
            self._ask(row, one.fact.annotators)
        project = self._order_by(desk, project, version, there)
        self._outbox.sent({one: row.id for one, row in there.items()})
        return project

    def _find(self, project: Project, due: Sequence[Due]) -> dict[Due, TaskRow]:
        """The tasks that are there already, one for each request; unanswered twins are deleted."""
        rows = self._server.find_tasks(project.id, [one.fact.item_id for one in due])
        found = {}
        for one in due:
            mine = [row for row in rows.get(one.fact.item_id, ()) if item_version(row) == one.fact.version]
            if mine:
                found[one] = self._only(project, mine) if len(mine) > 1 else mine[0]
        return found

    def _only(self, project: Project, twins: Sequence[TaskRow]) -> TaskRow:
        """The oldest that was answered or else the oldest; the others go, unless they were answered as well."""
        answered = [row for row in twins if self._server.annotations(row.id)]
        kept = min(answered or twins, key=lambda row: row.id)
        surplus = [row.id for row in twins if row.id != kept.id and row not in answered]
        self._server.delete_tasks(project.id, surplus)
        metrics.TASKS.labels("twin_removed").inc(len(surplus))
        return kept

    def _settled(self, absent: Sequence[Due]) -> list[Due]:
        """Those that no import of before can still bring."""
        return [one for one in absent if one.attempted_at <= self._settled_before]

    def _create(self, desk: Desk, project: Project, absent: Sequence[Due], version: str) -> dict[Due, TaskRow]:
        if not absent:
            return {}
        wanted = self._outbox.attempting(one.id for one in absent)
        drafts = self._drafts(desk, [one for one in absent if one.id in wanted], version)
        try:
            ids = self._server.import_tasks(project.id, list(drafts.values()))
        except Invalid as error:
            if len(drafts) > 1:  # one of them spoils the batch
                alone = [self._create(desk, project, [one], version) for one in drafts]
                return {one: row for made in alone for one, row in made.items()}
            [refused] = drafts
            self._refuse(refused, BadRecord("label_studio_refused", str(error)))
            return {}
        metrics.TASKS.labels("created").inc(len(ids))
        made = {
            one: TaskRow(id=task_id, overlap=desk.task.annotators) for one, task_id in zip(drafts, ids, strict=True)
        }
        if desk.spread:
            predictions = [(row.id, desk.prediction(one.fact, version)) for one, row in made.items()]
            self._server.add_predictions(project.id, predictions)
        return made

    def _drafts(self, desk: Desk, absent: Sequence[Due], version: str) -> dict[Due, TaskDraft]:
        drafts = {}
        for one in absent:
            try:
                drafts[one] = desk.draft(one.fact, version)
            except BadRecord as refusal:  # the task's settings have changed since it was taken
                self._refuse(one, refusal)
        return drafts

    def _refuse(self, one: Due, refusal: BadRecord) -> None:
        self._outbox.refuse(one, self._prefix, refusal)
        metrics.TASKS.labels("refused").inc()

    def _renew(self, project: Project, task_id: int, wanted: PredictionDraft) -> None:
        """Sees to it that a task has this prediction, once."""
        same = [row for row in self._server.predictions(task_id) if row.model_version == wanted.model_version]
        if not same:
            self._server.add_predictions(project.id, [(task_id, wanted)])
            return
        row, fields = same[-1], wanted.as_json()
        if row.score != wanted.score or row.cluster != wanted.cluster or row.result != fields["result"]:
            self._server.patch_prediction(row.id, fields)

    def _version(self, project: Project, due: Sequence[Due]) -> str:
        """Whose scores are to order the tasks: of the newest request there is, or what a newer one has set before."""
        newest = max(due, key=lambda one: one.fact.occurred_at).fact
        older = _made_at(newest) < project.versioned_at
        return project.model_version if older and project.model_version else newest.model_version

    def _order_by(self, desk: Desk, project: Project, version: str, there: Mapping[Due, TaskRow]) -> Project:
        """Has the scores of `version` order all tasks: those that wait already get theirs under its name."""
        at = max(project.versioned_at, *(_made_at(one.fact) for one in there))
        if project.model_version == version and at == project.versioned_at:
            return project
        if project.model_version != version:
            new = {row.id for row in there.values()}
            for _, task_id, fact in self._outbox.open_tasks(desk.task.name):
                if task_id not in new:
                    self._carry_over(desk, project, task_id, fact, version)
            self._server.set_model_version(project.id, version)
        self._projects.versioned(desk.task, version, at)
        return replace(project, model_version=version, versioned_at=at)

    def _carry_over(self, desk: Desk, project: Project, task_id: int, fact: AnnotationRequested, version: str) -> None:
        try:
            self._renew(project, task_id, desk.prediction(fact, version))
        except (Absent, Invalid):
            return  # deleted by somebody; the sweep will notice

    def _remove(self, desk: Desk, project: Project) -> bool:
        """Deletes the tasks of items that were withdrawn, and unanswered ones of content that was replaced."""
        unwanted = self._outbox.unwanted(desk.task.name, self._config.batch, self._settled_before)
        if not unwanted:
            return False
        rows = self._server.find_tasks(project.id, [one.item_id for one in unwanted])
        removed: list[int] = []
        kept: list[int] = []
        doomed: set[int] = set()
        for one in unwanted:
            mine = [row for row in rows.get(one.item_id, ()) if item_version(row) == one.version]
            going = [row.id for row in mine if one.answered_too or not self._close(row)]
            (removed if len(going) == len(mine) else kept).append(one.id)
            doomed.update(going)
        self._server.delete_tasks(project.id, sorted(doomed))
        metrics.TASKS.labels("removed").inc(len(doomed))
        self._outbox.settle(removed, State.REMOVED)
        self._outbox.settle(kept, State.CLOSED)
        return True

    def _close(self, row: TaskRow) -> bool:
        """Whether a task was answered; then nobody else is asked."""
        answers = self._server.annotations(row.id)
        if answers:
            self._server.patch_task(row.id, overlap=len(answers))
            self._server.patch_annotation(answers[0].id, {})
        return bool(answers)

    def _ask(self, row: TaskRow, annotators: int) -> None:
        """Has so many people asked. The server looks anew whether a task is finished when an answer is touched."""
        if row.overlap != annotators:
            self._server.patch_task(row.id, overlap=annotators)
        if row.is_labeled:
            answers = [answer for answer in self._server.annotations(row.id) if not answer.was_cancelled]
            if 0 < len(answers) < annotators:
                self._server.patch_annotation(answers[0].id, {})

    def _relink(self, desk: Desk) -> None:
        """Renews the links to media before they expire."""
        before = int((self._clock.time() - self._config.relink_s) * 1000)
        for request_id, task_id, fact in self._outbox.open_tasks(desk.task.name, before)[:RELINKED_AT_ONCE]:
            with suppress(Absent, BadRecord):  # deleted by somebody, or no task of today's settings
                self._server.patch_task(task_id, data=desk.data(fact))
            self._outbox.linked([request_id])


def _made_at(fact: AnnotationRequested) -> int:
    """In ms."""
    return int(fact.occurred_at.timestamp() * 1000)


def _chunks(found: Mapping[Due, TaskRow]) -> Iterator[dict[Due, TaskRow]]:
    pairs = list(found.items())
    return (dict(pairs[start : start + FEW]) for start in range(0, len(pairs), FEW))

"""Simulated annotators: people with accounts of their own who work through Label Studio's API like a browser does.

They know the true labels and err at a stated rate, always in the same places: an error depends on the seed, the
annotator and the item, never on chance or on the order of work.
"""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid4, uuid5

from annotation.label_studio.client.errors import Absent
from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import TaskRow
from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.writing import write_answer
from annotation.tasks import TaskConfig
from streams.errors import Unavailable

PAUSE_S = 0.5
"""Between two looks while there is nothing to do, or the server is away."""
QUICKEST_S, SLOWEST_S = 2.0, 12.0
"""What they say an answer took them; they do not really wait."""

Truth = Callable[[str], str | None]
"""The true label of an item; None where nobody knows, and then they skip it."""


@dataclass(frozen=True, slots=True)
class Crew:
    """How many they are, how well they work, and when they stop."""

    users: int = 2
    error_rate: float = 0.0
    """Share of answers that are wrong."""
    most_answers: int = 1_000
    """Of each; then they go home."""
    limit_s: float = 120.0
    """Then they go home as well."""
    patience_s: float = 10.0
    """How long they look at an empty queue before they go home."""
    seed: int = 0


@dataclass(slots=True)
class Done:
    """What one annotator, or all of them, did."""

    answered: int = 0
    errors: int = 0
    """Of the answers, those that were wrong on purpose."""
    skipped: int = 0
    by_user: dict[str, int] = field(default_factory=dict)
    """Answers by the annotator's address."""

    def __add__(self, other: "Done") -> "Done":
        return Done(
            self.answered + other.answered,
            self.errors + other.errors,
            self.skipped + other.skipped,
            self.by_user | other.by_user,
        )


def work_through(
    admin: LabelStudio, project: int, task: TaskConfig, truth: Truth, crew: Crew, enough: Callable[[], bool] = bool
) -> Done:
    """Signs the crew up and lets each work in a thread of their own until they stop, or until `enough` says so."""
    staff = [_Annotator(admin, number, crew) for number in range(crew.users)]
    with ThreadPoolExecutor(max(1, crew.users)) as pool:
        shifts = [pool.submit(annotator.work, project, task, truth, enough) for annotator in staff]
        return sum((shift.result() for shift in shifts), Done())


def given_label(labels: tuple[str, ...], true: str, annotator: int, item_id: str, crew: Crew) -> str:
    """The true label or, at the crew's error rate, another one."""
    chance = random.Random(f"{crew.seed}/{annotator}/{item_id}")
    wrong = [label for label in labels if label != true]
    return chance.choice(wrong) if wrong and chance.random() < crew.error_rate else true


class _Annotator:
    def __init__(self, admin: LabelStudio, number: int, crew: Crew) -> None:
        self.email = f"annotator-{number + 1}-{uuid4().hex[:8]}@millrace.localhost"
        self._number, self._crew = number, crew
        self._studio = LabelStudio(admin.url, admin.sign_up(self.email, uuid4().hex))

    def work(self, project: int, task: TaskConfig, truth: Truth, enough: Callable[[], bool]) -> Done:
        """Until the count, the time or the patience is used up."""
        done = Done(by_user={self.email: 0})
        deadline = time.monotonic() + self._crew.limit_s
        idle_until = time.monotonic() + self._crew.patience_s
        with self._studio:
            while done.answered + done.skipped < self._crew.most_answers and not enough():
                if time.monotonic() >= min(deadline, idle_until):
                    break
                try:
                    served = self._studio.next_task(project)
                    if served is not None:
                        self._answer(served, task, truth, done)
                        idle_until = time.monotonic() + self._crew.patience_s
                        continue
                except Unavailable:
                    idle_until = (
                        time.monotonic() + self._crew.patience_s
                    )  # it may come back; the time limit still holds
                time.sleep(PAUSE_S)
        return done

    def _answer(self, served: TaskRow, task: TaskConfig, truth: Truth, done: Done) -> None:
        item_id = served.item_id or ""
        true = truth(item_id)
        label = None if true is None else given_label(task.labels, true, self._number, item_id, self._crew)
        result = [] if label is None else write_answer(task, Answer(labels=(label,)))
        lead_time = random.Random(f"{self.email}/{item_id}").uniform(QUICKEST_S, SLOWEST_S)
        unique_id = uuid5(
            NAMESPACE_URL, f"{self.email}/{served.id}"
        )  # an answer whose reply was lost is not given twice
        try:
            self._studio.annotate(served.id, result, unique_id, round(lead_time, 3), was_cancelled=label is None)
        except Absent:
            return  # deleted while it was looked at
        done.skipped += label is None
        done.answered += label is not None
        done.errors += label != true
        done.by_user[self.email] = done.answered

"""Simulated annotators with a memory of their own: what they answered, as the server acknowledged it.

They share no code with the intake. What each item is answered, and how often somebody thinks again, is computed from
its name, so that a disturbed and an undisturbed run come to the same labels.
"""

from collections import Counter
from dataclasses import dataclass, field
from hashlib import sha256

from annotation.label_studio.client.label_studio import LabelStudio
from annotation.label_studio.client.rows import Regions, TaskRow
from annotation.label_studio.templates.answers import Answer
from annotation.label_studio.templates.writing import write_answer
from annotation.tasks import TaskConfig

SKIPPED = "(skipped)"
Label = tuple[str, str]
"""Item and answer."""


def lot(item: str) -> int:
    """0 to 19, by which an item's story is chosen."""
    return sha256(item.encode()).digest()[0] % 20


def true_label(task: TaskConfig, item: str) -> str:
    return SKIPPED if lot(item) == 0 else task.labels[sha256(item.encode()).digest()[1] % len(task.labels)]


def story(task: TaskConfig, item: str) -> tuple[str, ...]:
    """What people do with an item, one step at a time: answers, and `delete` for taking the last one back."""
    final = true_label(task, item)
    wrong = next(label for label in task.labels if label != final)
    if lot(item) in (1, 2, 3, 4):
        return (wrong, f"change {final}")
    if lot(item) in (5, 6, 7):
        return (wrong, "delete", final)
    return (final,)


@dataclass
class People:
    """`work` does one step for each item that is there."""

    studio: LabelStudio
    task: TaskConfig
    waiting: dict[str, int] = field(default_factory=dict)
    """Steps done of the stories that go on."""
    given: dict[int, Label] = field(default_factory=dict)
    """The ledger: annotation to what it says."""
    last: dict[str, int] = field(default_factory=dict)
    """The last annotation of an item."""

    def expect(self, item: str) -> None:
        self.waiting[item] = 0

    def forget(self, item: str) -> None:
        """It was withdrawn: its answers go with its task."""
        self.waiting.pop(item, None)
        self.given = {number: label for number, label in self.given.items() if label[0] != item}

    def work(self) -> None:
        project = self.studio.find_project(f"millrace/{self.task.name}")
        if project is None or not self.waiting:
            return
        for item, rows in self.studio.find_tasks(project.id, list(self.waiting)).items():
            steps = story(self.task, item)
            self._step(rows[0], item, steps[self.waiting[item]])
            self.waiting[item] += 1
            if self.waiting[item] == len(steps):
                del self.waiting[item]

    def labels(self) -> Counter[Label]:
        """What must come out of it."""
        return Counter(self.given.values())

    def _step(self, row: TaskRow, item: str, step: str) -> None:
        if step == "delete":
            self.studio.delete_annotation(self.last[item])
            del self.given[self.last.pop(item)]
        elif step.startswith("change "):
            label = step.removeprefix("change ")
            self.studio.patch_annotation(
                self.last[item], {"result": self._result(label), "was_cancelled": label == SKIPPED}
            )
            self.given[self.last[item]] = (item, label)
        else:
            made = self.studio.annotate(row.id, self._result(step), was_cancelled=step == SKIPPED)
            assert made is not None
            self.last[item] = made.id
            self.given[made.id] = (item, step)

    def _result(self, label: str) -> Regions:
        return [] if label == SKIPPED else list(write_answer(self.task, Answer(labels=(label,))))

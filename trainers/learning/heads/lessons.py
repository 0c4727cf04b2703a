"""What heads learn from: the labels of class tasks, with the trust in each."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from models.heads.bundle import HeadName
from trainers.recipes.head import HeadRecipe
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split, TaskFacts
from trainers.snapshots.splitting.sides import lot

CLASS: Final = "class"


class Labelled(NamedTuple):
    """An item, its class, and the trust in it."""

    row: Row
    label: str
    trust: float


class Lesson(NamedTuple):
    """What one task teaches."""

    name: HeadName
    labels: tuple[Labelled, ...]


def class_tasks(manifest: Manifest) -> list[TaskFacts]:
    """The tasks that heads are fitted for: one class an item."""
    return [task for task in manifest.tasks if task.kind == CLASS]


def labelled(rows: Sequence[Row], task: TaskFacts) -> list[Labelled]:
    """Items with their class and the trust in it."""
    found = ((row, row.label(task.name)) for row in rows if row.tenant == task.tenant)
    return [
        Labelled(row, label.labels[0], label.trust)
        for row, label in found
        if label and label.labels and label.trust > 0
    ]


def lessons(manifest: Manifest, recipe: HeadRecipe) -> list[Lesson]:
    """Of the training side alone, for each task whose labels are of more than one class."""
    training = manifest.of_split(Split.TRAIN)
    found = (
        Lesson(HeadName(task.tenant, task.name), _drawn(labelled(training, task), recipe))
        for task in class_tasks(manifest)
    )
    return [lesson for lesson in found if teaches(lesson.labels)]


def teaches(labels: Sequence[Labelled]) -> bool:
    """Whether a head can learn from them: of one class alone it would be sure of everything."""
    return len({one.label for one in labels}) > 1


def _drawn(known: Sequence[Labelled], recipe: HeadRecipe) -> tuple[Labelled, ...]:
    """A fixed sample."""
    drawn = sorted(known, key=lambda one: lot(recipe.seed, "head", one.row.key))[: recipe.max_items]
    return tuple(sorted(drawn, key=lambda one: one.row.key))

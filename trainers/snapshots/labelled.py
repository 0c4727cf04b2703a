"""Labels as snapshots take them: by item, and only where they are about the content that the item has now."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from models.labels.store import LabelStore, Result, SettledLabel
from schemas.items import Modality
from trainers.snapshots.catalogue.catalogue import Listing
from trainers.snapshots.rows import Key, TaskFacts, TaskLabel

CAPTION = "caption"
"""The kind of tasks in which people write a sentence about a medium."""


class Task(Protocol):
    """What annotators are asked, as far as training needs it."""

    @property
    def name(self) -> str: ...

    @property
    def tenant(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def labels(self) -> Collection[str]: ...

    @property
    def prompt(self) -> str: ...

    @property
    def modalities(self) -> Collection[Modality]: ...


class Told(NamedTuple):
    """A label, and the version of the item that people saw."""

    version: int
    label: TaskLabel


def facts_of(task: Task) -> TaskFacts:
    """The task as a manifest keeps it."""
    return TaskFacts(task.name, task.tenant, str(task.kind), tuple(task.labels), task.prompt)


def labels_by_item(tasks: Iterable[Task], store: LabelStore) -> Mapping[Key, Sequence[Told]]:
    """All labels of the tasks, those of classes apart that a task no longer has; by the names of the tasks."""
    found: dict[Key, list[Told]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: (task.tenant, task.name)):
        for settled in store.labels(task.name, task.tenant):
            if not task.labels or set(settled.labels) <= set(task.labels):
                found[Key(settled.tenant, settled.item_id)].append(_told(settled, task.kind))
    return found


def labels_about(listing: Listing, told: Iterable[Told]) -> tuple[TaskLabel, ...]:
    """Those that are about the content the item has now."""
    return tuple(label for version, label in told if listing.since <= version <= listing.version)


def _told(settled: SettledLabel, kind: str) -> Told:
    said = written(settled.result) if kind == CAPTION else settled.labels
    return Told(settled.version, TaskLabel(settled.task, said, settled.trust, settled.arm, settled.revision))


def written(result: Result) -> tuple[str, ...]:
    """What people wrote into the text areas of an answer."""
    values = (region.get("value") for region in result if region.get("type") == "textarea")
    texts = (value.get("text") for value in values if isinstance(value, dict))
    return tuple(text for several in texts if isinstance(several, list) for text in several if isinstance(text, str))

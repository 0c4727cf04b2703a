"""What a snapshot is made of: items with their labels, each on one side of the split."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from schemas.annotations import Arm
from schemas.items import MediaRef, Modality


class Split(StrEnum):
    TRAIN = "train"
    EVALUATION = "evaluation"
    """Measured with, never trained on, in this snapshot and in all later ones."""
    EXCLUDED = "excluded"
    """Neither: too near to what is measured with; or kept back, and later to be measured with; or too near to what
    some model was trained on, so that measuring with it would flatter that model."""


class Key(NamedTuple):
    """Names an item. Snapshots are in the order of their keys."""

    tenant: str
    item_id: str


@dataclass(frozen=True, slots=True)
class TaskLabel:
    """A settled label of an item, for one task."""

    task: str
    labels: tuple[str, ...]
    """The classes; for a caption task what people wrote; empty for other kinds."""
    trust: float
    """Weight in training, 0 to 1."""
    arm: Arm
    revision: int
    """Of the LabelSettled that told it."""


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it is frozen."""

    tenant: str
    item_id: str
    version: int
    modality: Modality
    content_sha256: str
    media: MediaRef | None = None
    text: str | None = None
    """The beginning of the text, or the caption of the medium."""
    labels: tuple[TaskLabel, ...] = ()
    """By task, in the order of their names."""
    licence: str | None = None
    source: str = ""
    language: str | None = None
    split: Split = Split.TRAIN
    group: int = 0
    """Place in the snapshot of the first item of those that are the same or nearly so; its own where it is alone."""

    @property
    def key(self) -> Key:
        return Key(self.tenant, self.item_id)

    @property
    def captioned(self) -> bool:
        """A medium with words about it: a pair to learn from without any label."""
        return self.modality is not Modality.TEXT and bool(self.text)

    def label(self, task: str) -> TaskLabel | None:
        """Its label for a task."""
        return next((one for one in self.labels if one.task == task), None)


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task as it was when the snapshot was frozen."""

    name: str
    tenant: str
    kind: str
    labels: tuple[str, ...] = ()
    """The classes, in the order of the settings."""
    prompt: str = "a photo of a {label}"

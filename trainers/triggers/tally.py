"""What happened in a span of time, as far as it may ask for training. Spans add up.

Items and withdrawals are counted as curation tells them, which is once. Embedding tells all of them again for the space
of every new model; of that only the vectors count, each for its own model.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

import numpy as np

from schemas.annotations import LabelSettled, LabelUnsettled
from schemas.event import Event
from schemas.items import ItemCurated, ItemEmbedded, ItemWithdrawn, WithdrawalMode
from schemas.signals import ClickRateMeasured
from schemas.training import ModelReleased
from trainers.triggers.drift import Cloud, Inputs, Use

LENGTHS = (0, 100, 300, 1_000, 3_000)
"""Characters at which a text counts as longer."""


class Measured(NamedTuple):
    """Use of one model in one window of signals; the highest revision is the truth."""

    revision: int
    use: Use


def _revision(measured: Measured) -> int:
    return measured.revision


LabelKey = tuple[str, str, str]
"""Tenant, task and item."""


class Label(NamedTuple):
    """Where the label of an item stands at the end of a span; the highest revision is the truth."""

    revision: int
    settled: bool
    was: bool
    """Whether the item had a label at the beginning of the span. Nothing comes before a first revision; of what a
    later one follows the span need not know, and an item that may have had its label is no news."""


@dataclass(slots=True)
class Tally:
    """Counts and sums; two spans that follow each other are one by `+`."""

    labels: dict[LabelKey, Label] = field(default_factory=dict)
    deleted: int = 0
    erased: int = 0
    items: int = 0
    inputs: Inputs = field(default_factory=dict)
    clouds: dict[str, Cloud] = field(default_factory=dict)
    """By model version."""
    uses: dict[tuple[str, str, str, datetime], Measured] = field(default_factory=dict)
    """By tenant, model version, policy and window."""
    live: str | None = None
    """The model released last."""

    def add(self, fact: Event) -> None:
        """Counts a fact in; of the others it takes no notice."""
        match fact:
            case LabelSettled() | LabelUnsettled():
                self._labelled(fact)
            case ItemWithdrawn():
                self.erased += fact.mode == WithdrawalMode.ERASE
                self.deleted += fact.mode == WithdrawalMode.DELETE
            case ItemCurated():
                self._curated(fact)
            case ItemEmbedded():
                self._embedded(fact)
            case ClickRateMeasured():
                self._measured(fact)
            case ModelReleased():
                self.live = fact.encoder_version or fact.model_version

    def __add__(self, later: "Tally") -> "Tally":
        whole = Tally()
        whole.include(self)
        whole.include(later)
        return whole

    def include(self, later: "Tally") -> None:
        """Takes in the span that follows, at the price of what happened in that one."""
        self.labels |= {key: _after(self.labels.get(key), label) for key, label in later.labels.items()}
        self.deleted += later.deleted
        self.erased += later.erased
        self.items += later.items
        for name, counts in later.inputs.items():
            self.inputs.setdefault(name, Counter()).update(counts)
        for version, cloud in later.clouds.items():
            self.clouds[version] = self.clouds[version] + cloud if version in self.clouds else cloud
        for key, measured in later.uses.items():
            self.uses[key] = max(self.uses.get(key, measured), measured, key=_revision)
        self.live = later.live or self.live

    def forget_uses(self, until_ms: int) -> None:
        """Lets go of the use in windows that began before; each search counts in one, so they are many."""
        self.uses = {key: measured for key, measured in self.uses.items() if key[3].timestamp() * 1000 >= until_ms}

    @property
    def labelled(self) -> int:
        """Items that have a label at the end."""
        return sum(label.settled for label in self.labels.values())

    def new_labels(self, before: "Tally") -> int:
        """Items that have a label and had none, less those that lost theirs, since a span before this one."""
        spans = ((before.labels.get(key), label) for key, label in self.labels.items())
        return sum(
            _after(earlier, label).settled - (earlier.settled if earlier else label.was) for earlier, label in spans
        )

    def use_of(self, model_version: str) -> Use:
        """All searches that a model answered."""
        return sum((measured.use for key, measured in self.uses.items() if key[1] == model_version), Use())

    def _labelled(self, fact: LabelSettled | LabelUnsettled) -> None:
        key = (fact.tenant, fact.task, fact.item_id)
        told = Label(fact.revision, isinstance(fact, LabelSettled), fact.revision > 1)
        self.labels[key] = _after(self.labels.get(key), told)

    def _curated(self, fact: ItemCurated) -> None:
        self.items += 1
        for name, kind in traits_of(fact).items():
            self.inputs.setdefault(name, Counter())[kind] += 1

    def _embedded(self, fact: ItemEmbedded) -> None:
        vector = np.frombuffer(fact.parts[0].vector, "<f4")
        if np.isfinite(vector).all():
            self.clouds.setdefault(fact.model_version, Cloud()).add(vector)

    def _measured(self, fact: ClickRateMeasured) -> None:
        key = (fact.tenant, fact.model_version, fact.policy, fact.window_start)
        measured = Measured(fact.revision, Use(fact.searches, fact.clicked))
        self.uses[key] = max(self.uses.get(key, measured), measured, key=_revision)


def _after(earlier: Label | None, label: Label) -> Label:
    if earlier is None:
        return label
    return max(earlier, label, key=lambda one: one.revision)._replace(was=earlier.was)


def traits_of(fact: ItemCurated) -> Mapping[str, str]:
    """What inputs are compared by."""
    elsewhere = fact.media.length if fact.media and fact.media.media_type == "text/plain" else 0
    characters = elsewhere if fact.text is None else len(fact.text)  # those of a text by reference are its bytes
    return {
        "source": fact.source,
        "language": fact.language or "",
        "modality": fact.modality.value,
        "length": str(sum(characters > limit for limit in LENGTHS)),
    }

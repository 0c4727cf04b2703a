"""Which items and texts of an evaluation side belong together: captions, and the prompts of classes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from schemas.items import Modality
from trainers.evaluation.measures.retrieval import Right
from trainers.gate.outcomes import Unit
from trainers.learning.data.examples import CAPTION, CLASS_KINDS, prompt
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split, TaskFacts
from trainers.snapshots.splitting.sides import lot

CAPTIONS: Final = "captions"


@dataclass(frozen=True)
class Question:
    """Texts among which the right ones of each item are to be found."""

    name: str
    tenant: str
    rows: tuple[Row, ...]
    texts: tuple[str, ...]
    answers: tuple[frozenset[str], ...]
    """The right texts of each row."""

    def right(self, rows: Sequence[Row]) -> Right:
        """Who belongs to whom, of some of the rows."""
        known = {row.key: answer for row, answer in zip(self.rows, self.answers, strict=True)}
        return np.array([[text in known[row.key] for text in self.texts] for row in rows], dtype=np.bool_)


def questions(manifest: Manifest, rows: Sequence[Row]) -> Iterator[Question]:
    """Captions of media, and for each class task of a tenant its prompts. What has one text only asks nothing.

    Texts are not looked for by prompts: "a photo of a {label}" says nothing about them. Their classes are for heads.
    """
    yield from _asked(CAPTIONS, "", [(row, _captions(row, manifest)) for row in rows], ())
    for task in manifest.tasks:
        if task.kind in CLASS_KINDS:
            prompts = tuple(prompt(task, label) for label in task.labels)
            seen = [row for row in rows if row.tenant == task.tenant and row.modality is not Modality.TEXT]
            answers = [(row, _prompts(row, task)) for row in seen]
            yield from _asked(task.name, task.tenant, answers, prompts)


def measured_rows(manifest: Manifest, most: int, seed: int) -> list[Row]:
    """The items of the evaluation side that have something to be measured by; of more than `most`, a sample by lot.

    Of near-duplicates one is enough: they are no independent witnesses.
    """
    useful = {row.group: row for row in reversed(manifest.of_split(Split.EVALUATION)) if row.captioned or row.labels}
    drawn = sorted(useful.values(), key=lambda row: lot(seed, "measured", row.key))[:most]
    return sorted(drawn, key=lambda row: row.key)


def unit(row: Row, task: str) -> Unit:
    """What a value of an item is about."""
    slices = [f"modality={row.modality.value}", f"task={task}"]
    slices += [f"language={row.language}"] if row.language else []
    slices += [f"source={row.source}"] if row.source else []
    return Unit(row.tenant, row.item_id, row.version, task, tuple(slices))


def query(question: Question, text: str) -> Unit:
    """What a value of a text is about."""
    return Unit(question.tenant or "default", text[:500], 0, question.name, (f"task={question.name}",))


def _asked(
    name: str, tenant: str, answers: Sequence[tuple[Row, frozenset[str]]], texts: tuple[str, ...]
) -> Iterator[Question]:
    answered = [(row, answer) for row, answer in answers if answer]
    every = tuple(dict.fromkeys((*texts, *sorted({text for _, answer in answered for text in answer}))))
    if answered and len(every) > 1:
        yield Question(name, tenant, tuple(row for row, _ in answered), every, tuple(each for _, each in answered))


def _captions(row: Row, manifest: Manifest) -> frozenset[str]:
    asked = {task.name for task in manifest.tasks if task.kind == CAPTION and task.tenant == row.tenant}
    written = {text for label in row.labels if label.task in asked for text in label.labels if text}
    return frozenset(written | ({row.text} if row.captioned and row.text else set()))


def _prompts(row: Row, task: TaskFacts) -> frozenset[str]:
    label = row.label(task.name)
    return frozenset(prompt(task, name) for name in label.labels) if label is not None else frozenset()

"""Measures a model item by item on the evaluation side of a snapshot. The gate compares two such measurements."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.encoders.port import Encoder
from models.heads.bundle import HeadBundle, HeadName
from streams.media.store import MediaStore
from trainers.evaluation.measures.heads import LEAST, Opinion, opinion, opinion_of
from trainers.evaluation.measures.pairs import Question, measured_rows, query, questions, unit
from trainers.evaluation.measures.retrieval import average_precision, ranks, recall
from trainers.gate.config import GateConfig
from trainers.gate.outcomes import Floats, Measure, Outcomes, Unit
from trainers.learning.heads.lessons import class_tasks
from trainers.learning.heads.vectors import ItemVectors, Rest, TextMemory, restless
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split

DEPTH = 10
"""Results that people look at."""
_SPANS = {"log_loss": float(-np.log(LEAST))}


@dataclass(frozen=True)
class Values:
    """Some values of a measure."""

    name: str
    units: tuple[Unit, ...]
    values: Floats


def measure(
    encoder: Encoder,
    manifest: Manifest,
    media: MediaStore,
    config: GateConfig,
    memory: TextMemory | None = None,
    rest: Rest = restless,
) -> Outcomes:
    """Everything: pairs of items and texts found both ways, and heads of the training side's labels.

    With one `memory` for two models, texts that both see alike are encoded once. Raises Unavailable.
    """
    vectors = ItemVectors(encoder, media, config.batch_images, memory or TextMemory(), rest)
    rows = measured_rows(manifest, config.max_items, config.seed)
    found = [value for question in questions(manifest, rows) for value in _found(question, vectors)]
    opinions = _opinions(vectors, manifest, rows, config)
    return _outcomes(encoder.version, manifest, rows, found, opinions)


def measure_head(
    version: str, heads: HeadBundle | None, vectors: ItemVectors, manifest: Manifest, config: GateConfig
) -> Outcomes:
    """What a model that shares its encoder with another one does differently: the very heads that it brings.

    None for a model without heads. Both models may be measured on the same vectors.
    """
    rows = measured_rows(manifest, config.max_items, config.seed)
    known = heads.heads if heads else {}
    said = (
        opinion_of(known.get(HeadName(task.tenant, task.name)), vectors, task, rows) for task in class_tasks(manifest)
    )
    return _outcomes(version, manifest, rows, [], [one for one in said if one is not None])


def _found(question: Question, vectors: ItemVectors) -> Iterator[Values]:
    """Items find their texts, and texts their items."""
    rows, seen = vectors.items(question.rows)
    if not rows:
        return
    similar, right = seen @ vectors.texts(question.texts).T, question.right(rows)
    units, places = tuple(unit(row, question.name) for row in rows), ranks(similar, right)
    yield Values("reciprocal_rank", units, 1 / places)
    yield Values("recall_at_1", units, (places <= 1).astype(np.float64))
    if len(question.texts) > DEPTH:
        yield Values("recall_at_10", units, (places <= DEPTH).astype(np.float64))
    asked = np.flatnonzero(right.any(axis=0) & ~right.all(axis=0))
    if len(asked):
        queries = tuple(query(question, question.texts[place]) for place in asked)
        yield Values("average_precision", queries, average_precision(similar[:, asked], right[:, asked]))
        yield Values("query_recall_at_10", queries, recall(similar[:, asked], right[:, asked], DEPTH))


def _opinions(vectors: ItemVectors, manifest: Manifest, rows: Sequence[Row], config: GateConfig) -> list[Opinion]:
    training = manifest.of_split(Split.TRAIN)
    said = (
        opinion(vectors, task, training, rows, config.max_head_items, config.seed) for task in class_tasks(manifest)
    )
    return [one for one in said if one is not None]


def _outcomes(
    version: str, manifest: Manifest, rows: Sequence[Row], found: Sequence[Values], opinions: Sequence[Opinion]
) -> Outcomes:
    said = [
        Values(name, one.units, values)
        for one in opinions
        for name, values in (("class_score", one.score()), ("log_loss", one.log_loss()), ("accuracy", one.right()))
    ]
    answers = tuple(one.answers() for one in opinions)
    return Outcomes(version, tuple(_joined([*found, *said])), answers, len(rows), manifest.sha256)


def _joined(found: Sequence[Values]) -> Iterator[Measure]:
    """One measure a name, over all questions and tasks."""
    for name in dict.fromkeys(one.name for one in found):
        same = [one for one in found if one.name == name]
        units = tuple(unit for one in same for unit in one.units)
        values = np.concatenate([one.values for one in same])
        yield Measure(name, units, values, _SPANS.get(name, 1.0), name == "log_loss")

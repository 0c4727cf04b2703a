"""What heads say of the evaluation side: those that a model brings, or what its vectors teach a head in general."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.encoders.port import Vectors
from models.heads.config import HeadConfig
from models.heads.linear import Head, fit_head, fit_temperature, indices, pool_moments
from trainers.evaluation.measures.pairs import unit
from trainers.gate.outcomes import Answers, Codes, Floats, Unit
from trainers.learning.heads.lessons import labelled, teaches
from trainers.learning.heads.vectors import ItemVectors
from trainers.snapshots.rows import Row, TaskFacts
from trainers.snapshots.splitting.sides import lot

LEAST = 1e-6
"""Probability that a wrong certainty is taken for; the logarithmic loss would be infinite."""
_FOLDS = 5
_CONFIG = HeadConfig()


@dataclass(frozen=True)
class Opinion:
    """Class probabilities of items whose class is known."""

    task: str
    units: tuple[Unit, ...]
    truth: Codes
    """Place of the true class; -1 for a class that the head does not know."""
    probabilities: Floats

    def score(self) -> Floats:
        """The quadratic score, within 0..1: the best expectation has who says the probabilities they believe."""
        squares = (self.probabilities**2).sum(axis=1)
        return np.asarray(1 - 0.5 * (squares - 2 * self._of_truth() + 1), dtype=np.float64)

    def log_loss(self) -> Floats:
        return np.asarray(-np.log(np.maximum(self._of_truth(), LEAST)), dtype=np.float64)

    def right(self) -> Floats:
        return np.asarray(self.probabilities.argmax(axis=1) == self.truth, dtype=np.float64)

    def answers(self) -> Answers:
        """For measures of the whole; a class that the head does not know has the place after all others."""
        unknown = self.probabilities.shape[1]
        truth = np.where(self.truth < 0, unknown, self.truth)
        said, sure = self.probabilities.argmax(axis=1), self.probabilities.max(axis=1)
        return Answers(self.task, self.units, truth, said, np.asarray(sure, dtype=np.float64))

    def _of_truth(self) -> Floats:
        found = self.probabilities[np.arange(len(self.truth)), np.maximum(self.truth, 0)]
        return np.asarray(np.where(self.truth < 0, 0.0, found), dtype=np.float64)


class _Asked(NamedTuple):
    """Items of the evaluation side, with their vectors and their classes."""

    rows: list[Row]
    seen: Vectors
    labels: list[str]


def opinion(
    vectors: ItemVectors, task: TaskFacts, training: Sequence[Row], evaluation: Sequence[Row], most: int, seed: int
) -> Opinion | None:
    """What a head of the training side's labels says of the evaluation side; None without items to ask about.

    A head without labels to learn from finds every class of the task equally probable.
    """
    if (asked := _asked(vectors, task, evaluation)) is None:
        return None
    if (head := _head(vectors, task, training, most, seed)) is None:
        return _undecided(task, asked)
    return _opinion(task, asked, head.classes, _calibrated(head, asked, seed))


def opinion_of(head: Head | None, vectors: ItemVectors, task: TaskFacts, evaluation: Sequence[Row]) -> Opinion | None:
    """What this very head says, as it would when it serves; without one every class is equally probable."""
    if (asked := _asked(vectors, task, evaluation)) is None:
        return None
    if head is None:
        return _undecided(task, asked)
    return _opinion(task, asked, head.classes, head.probabilities(asked.seen, temperature=True))


def _asked(vectors: ItemVectors, task: TaskFacts, evaluation: Sequence[Row]) -> _Asked | None:
    known = {one.row.key: one.label for one in labelled(evaluation, task)}
    rows, seen = vectors.items([row for row in evaluation if row.key in known])
    return _Asked(rows, seen, [known[row.key] for row in rows]) if rows else None


def _undecided(task: TaskFacts, asked: _Asked) -> Opinion:
    classes = task.labels or tuple(sorted(set(asked.labels)))
    return _opinion(task, asked, classes, np.full((len(asked.rows), len(classes)), 1 / len(classes)))


def _opinion(task: TaskFacts, asked: _Asked, classes: Sequence[str], said: NDArray[Any]) -> Opinion:
    units = tuple(unit(row, task.name) for row in asked.rows)
    return Opinion(task.name, units, indices(asked.labels, classes), np.asarray(said, dtype=np.float64))


def _head(vectors: ItemVectors, task: TaskFacts, training: Sequence[Row], most: int, seed: int) -> Head | None:
    """The head of a fixed sample of the labels."""
    known = {one.row.key: one for one in labelled(training, task)}
    drawn = sorted((row for row in training if row.key in known), key=lambda row: lot(seed, "head", row.key))[:most]
    rows, seen = vectors.items(drawn)
    learnt = [known[row.key] for row in rows]
    if not teaches(learnt):
        return None
    trust = np.array([one.trust for one in learnt])
    return fit_head(seen, [one.label for one in learnt], trust, *pool_moments(seen), config=_CONFIG)


def _calibrated(head: Head, asked: _Asked, seed: int) -> Floats:
    """Probabilities of each item under the temperature that the other folds' items ask for.

    An encoder that was trained on the head's items lays them far apart, and the head becomes too sure of everything;
    that shows only on items that neither has seen. In life it is the labels that keep coming in which tell.
    """
    fold = np.array([int(lot(seed, "temperature", row.key) * _FOLDS) for row in asked.rows])
    names, seen = np.array(asked.labels, dtype=object), asked.seen
    said = np.empty((len(names), len(head.classes)))
    for each in range(_FOLDS):
        inside = fold == each
        tempered = fit_temperature(head, seen[~inside], names[~inside].tolist(), _CONFIG) if not inside.all() else head
        said[inside] = tempered.probabilities(seen[inside], temperature=True)
    return said

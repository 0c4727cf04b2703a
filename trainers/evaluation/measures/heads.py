"""What a head, fitted on the training side, says of the evaluation side."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.encoders.port import Vectors
from models.heads.config import HeadConfig
from models.heads.linear import Head, fit_head, fit_temperature, indices, pool_moments
from trainers.evaluation.measures.pairs import labelled, unit
from trainers.evaluation.measures.vectors import ItemVectors
from trainers.gate.outcomes import Answers, Codes, Floats, Unit
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


def opinion(
    vectors: ItemVectors, task: TaskFacts, training: Sequence[Row], evaluation: Sequence[Row], most: int, seed: int
) -> Opinion | None:
    """What a head of the training side's labels says of the evaluation side; None without items to ask about.

    A head without labels to learn from finds every class of the task equally probable.
    """
    asked = {row.key: label for row, label, _ in labelled(evaluation, task)}
    rows, seen = vectors.items([row for row in evaluation if row.key in asked])
    if not rows:
        return None
    head = _head(vectors, task, training, most, seed)
    classes = head.classes if head else task.labels or tuple(sorted(set(asked.values())))
    truth = indices([asked[row.key] for row in rows], classes)
    uniform = np.full((len(rows), len(classes)), 1 / len(classes))
    said = _calibrated(head, rows, seen, [asked[row.key] for row in rows], seed) if head else uniform
    return Opinion(task.name, tuple(unit(row, task.name) for row in rows), truth, np.asarray(said, dtype=np.float64))


def _head(vectors: ItemVectors, task: TaskFacts, training: Sequence[Row], most: int, seed: int) -> Head | None:
    """The head of a fixed sample of the labels."""
    known = {row.key: (label, trust) for row, label, trust in labelled(training, task)}
    drawn = sorted((row for row in training if row.key in known), key=lambda row: lot(seed, "head", row.key))[:most]
    rows, seen = vectors.items(drawn)
    labels = [known[row.key][0] for row in rows]
    if len(set(labels)) < 2:
        return None
    trust = np.array([known[row.key][1] for row in rows])
    return fit_head(seen, labels, trust, *pool_moments(seen), config=_CONFIG)


def _calibrated(head: Head, rows: Sequence[Row], seen: Vectors, labels: Sequence[str], seed: int) -> Floats:
    """Probabilities of each item under the temperature that the other folds' items ask for.

    An encoder that was trained on the head's items lays them far apart, and the head becomes too sure of everything;
    that shows only on items that neither has seen. In life it is the labels that keep coming in which tell.
    """
    fold = np.array([int(lot(seed, "temperature", row.key) * _FOLDS) for row in rows])
    names = np.array(labels, dtype=object)
    said = np.empty((len(rows), len(head.classes)))
    for each in range(_FOLDS):
        inside = fold == each
        tempered = fit_temperature(head, seen[~inside], names[~inside].tolist(), _CONFIG) if not inside.all() else head
        said[inside] = tempered.probabilities(seen[inside], temperature=True)
    return said

"""What heads are asked about an item, by the kind of its task, and how unsure the answers are.

A class task is one question: which of the classes. A multi-label task is a yes-or-no question for each label that has
examples of both answers (one-vs-rest), and is as unsure as its most unsure question. Other kinds ask nothing: their
items are scored by density and feedback alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.heads.config import HeadConfig
from models.heads.linear import Head, fit_ensemble, fit_head, fit_temperature
from models.heads.uncertainty import disagreement, entropy, least_confidence, margin

CLASS, MULTI_LABEL = "class", "multi_label"
ANSWERED_BY_HEADS = frozenset({CLASS, MULTI_LABEL})
YES, NO = "yes", "no"

Numbers = NDArray[np.float64]
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Question:
    """A head, and its ensemble for measuring disagreement."""

    label: str | None
    """The label that yes and no are about; None where the answers are the classes themselves."""
    head: Head
    ensemble: tuple[Head, ...]

    def named(self, tempered: bool, vectors: Vectors) -> tuple[tuple[str, ...], Numbers]:
        """What annotators would call the answers, and how probable each is."""
        p = np.asarray(self.head.probabilities(vectors, temperature=tempered), dtype=np.float64)
        if self.label is None:
            return self.head.classes, p
        return (self.label,), p[:, [self.head.classes.index(YES)]]


Questions = tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Unsure:
    """Measures of uncertainty, each (n,) within 0..1."""

    least_confidence: Numbers
    margin: Numbers
    entropy: Numbers
    disagreement: Numbers


@dataclass(frozen=True, slots=True)
class Examples:
    """Labelled vectors, as answers to the questions of a task."""

    vectors: Vectors
    labels: tuple[tuple[str, ...], ...]
    trust: Numbers

    def answers(self, label: str | None) -> list[str]:
        """For each example its class, or whether it has the label."""
        if label is None:
            return [labels[0] for labels in self.labels]
        return [YES if label in labels else NO for labels in self.labels]

    @property
    def asked(self) -> tuple[str, ...]:
        return tuple(sorted({label for labels in self.labels for label in labels}))


def fit(
    kind: str,
    examples: Examples,
    mean: NDArray[np.floating],
    scale: float,
    start: Questions,
    config: HeadConfig,
) -> Questions:
    """The questions of a task that have examples of two answers at least; each begins where it stood before."""
    before = {question.label: question for question in start}
    labels = (None,) if kind == CLASS else examples.asked
    trusted = examples.trust > 0
    fitted = []
    for label in labels:
        answers = examples.answers(label)
        if len({answer for answer, counts in zip(answers, trusted, strict=True) if counts}) < 2:
            continue
        old = before[label].head if label in before else None
        given = (examples.vectors, answers, examples.trust, mean, scale)
        head = fit_head(*given, start=old, config=config)
        fitted.append(Question(label, head, fit_ensemble(*given, start=head, config=config)))
    return tuple(fitted)


def unsure(questions: Questions, vectors: Vectors) -> Unsure:
    """How unsure the tempered heads are; the most unsure question speaks for all."""
    each = [_unsure(question, vectors) for question in questions]
    return Unsure(*(np.max([getattr(one, name) for one in each], axis=0) for name in _MEASURES))


def margins(questions: Questions, vectors: Vectors) -> Numbers:
    """The margin alone: u of the selection strategies."""
    each = [margin(one.head.probabilities(vectors, temperature=True)) for one in questions]
    return np.asarray(np.max(each, axis=0), dtype=np.float64)


def probabilities(questions: Questions, vectors: Vectors) -> tuple[tuple[str, ...], Numbers]:
    """Labels, and (n, labels) how probable the untempered heads find them."""
    named = [question.named(False, vectors) for question in questions]
    return tuple(label for labels, _ in named for label in labels), np.concatenate([p for _, p in named], axis=1)


def tempered(judges: Questions, examples: Examples, config: HeadConfig) -> Mapping[str | None, float]:
    """Temperature of each question, by examples that its head has not seen."""
    return {
        one.label: fit_temperature(one.head, examples.vectors, examples.answers(one.label), config).temperature
        for one in judges
    }


def with_temperatures(questions: Questions, temperatures: Mapping[str | None, float]) -> Questions:
    return tuple(_with_temperature(one, temperatures.get(one.label, one.head.temperature)) for one in questions)


_MEASURES = ("least_confidence", "margin", "entropy", "disagreement")


def _unsure(question: Question, vectors: Vectors) -> Unsure:
    p = question.head.probabilities(vectors, temperature=True)
    opinions: Sequence[NDArray[np.floating]] = [
        one.probabilities(vectors, temperature=True) for one in question.ensemble
    ]
    return Unsure(least_confidence(p), margin(p), entropy(p), disagreement(opinions))


def _with_temperature(question: Question, temperature: float) -> Question:
    ensemble = tuple(replace(one, temperature=temperature) for one in question.ensemble)
    return replace(question, head=replace(question.head, temperature=temperature), ensemble=ensemble)

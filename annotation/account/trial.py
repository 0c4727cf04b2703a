"""Heads of both arms, tested on labels of the random arm that they never saw.

The random arm is cross-fitted: each part of it is tested by a head that the other parts trained. The active arm is cut
in the same way, though its heads could be tested on everything: a score over what several heads say is not the score of
one head, as a class that one of them does not know yet may be known to another. No item both trains and tests a head,
and the test set was not chosen by anybody, so the two curves can be compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from annotation.account.arms import Arms, Floats, Labelled
from annotation.account.config import Score
from annotation.account.scores import Codes, accuracy, macro_f1
from models.heads.config import HeadConfig
from models.heads.linear import Head, fit_head, pool_moments


@dataclass(frozen=True)
class Weights:
    """How often each label counts; all ones is the data as they are."""

    active: NDArray[np.float64]
    random: NDArray[np.float64]


@dataclass
class Trial:
    """Fits and tests heads; remembers the first fit of each kind as the start of later ones."""

    arms: Arms
    active_parts: Codes
    """Part of its arm that each label belongs to."""
    random_parts: Codes
    classes: tuple[str, ...]
    truth: Codes
    """Of the random arm."""
    mean: Floats
    scale: float
    starts: dict[tuple[bool, int, int], Head] = field(default_factory=dict)

    @classmethod
    def of(cls, arms: Arms, folds: int, seed: int) -> "Trial":
        """A trial of these arms."""
        active, random = arms.active.labels.tolist(), arms.random.labels.tolist()
        classes = tuple(sorted({*active, *random}))
        truth = codes_of(random, classes)
        mean, scale = pool_moments(np.concatenate([arms.active.vectors, arms.random.vectors]))
        own = parts(codes_of(active, classes), folds, seed)
        return cls(arms, own, parts(truth, folds, seed), classes, truth, mean, scale)

    def everything(self) -> Weights:
        """Each label once."""
        return Weights(np.ones(len(self.arms.active)), np.ones(len(self.arms.random)))

    def resampled(self, numbers: np.random.Generator) -> Weights:
        """As many labels drawn again, with replacement, in each arm; one draw for training and for testing."""
        return Weights(_drawn(len(self.arms.active), numbers), _drawn(len(self.arms.random), numbers))

    def active(self, count: int, weights: Weights, config: HeadConfig) -> Codes:
        """What heads of that many labels of the active arm, the oldest, say of the random arm."""
        return self._said(self.arms.active, self.active_parts, weights.active, count, config)

    def random(self, count: int, weights: Weights, config: HeadConfig) -> Codes:
        """What heads of that many labels of the random arm say of the parts that they did not see."""
        return self._said(self.arms.random, self.random_parts, weights.random, count, config)

    def score(self, said: Codes, weights: Weights, by: Score) -> float:
        """How good that is."""
        if by is Score.MACRO_F1:
            return macro_f1(self.truth, said, weights.random, len(self.classes))
        return accuracy(self.truth, said, weights.random)

    @property
    def training_labels(self) -> int:
        """Labels that every head of either arm can have: what the largest part leaves."""
        return min(len(each) - int(np.bincount(each).max()) for each in (self.active_parts, self.random_parts))

    def _said(
        self, arm: Labelled, parts_of_arm: Codes, weights: NDArray[np.float64], count: int, config: HeadConfig
    ) -> Codes:
        said = np.zeros(len(self.truth), dtype=np.intp)
        for part in range(int(self.random_parts.max()) + 1):
            rows = np.flatnonzero(parts_of_arm != part)[:count]
            kind = (arm is self.arms.active, count, part)
            head = self._fit(kind, arm.of(rows), weights[rows], config)
            test = self.random_parts == part
            said[test] = self._most_probable(head, self.arms.random.vectors[test])
        return said

    def _fit(
        self, kind: tuple[bool, int, int], labelled: Labelled, weights: NDArray[np.float64], config: HeadConfig
    ) -> Head | None:
        trust = labelled.trust * weights
        if not trust.any():
            return None
        labels = labelled.labels.tolist()
        start = self.starts.get(kind)
        head = fit_head(labelled.vectors, labels, trust, self.mean, self.scale, start, config)
        self.starts.setdefault(kind, head)
        return head

    def _most_probable(self, head: Head | None, vectors: Floats) -> Codes:
        if head is None:
            return np.zeros(len(vectors), dtype=np.intp)
        codes = codes_of(head.classes, self.classes)
        return np.asarray(codes[head.logits(vectors).argmax(axis=1)], dtype=np.intp)


def codes_of(labels: Sequence[str], classes: Sequence[str]) -> Codes:
    """The place of each label among the classes."""
    place = {name: code for code, name in enumerate(classes)}
    return np.array([place[label] for label in labels], dtype=np.intp)


def parts(truth: Codes, folds: int, seed: int) -> Codes:
    """Each label's part: as equal as can be, and each class spread over them."""
    order = np.random.default_rng(seed).permutation(len(truth))
    by_class = order[np.argsort(truth[order], kind="stable")]
    found = np.empty(len(truth), dtype=np.intp)
    found[by_class] = np.arange(len(truth)) % folds
    return found


def _drawn(count: int, numbers: np.random.Generator) -> NDArray[np.float64]:
    return np.bincount(numbers.integers(0, count, count), minlength=count).astype(np.float64)

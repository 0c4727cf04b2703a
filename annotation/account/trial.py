"""Heads of both arms, tested on labels of the random arm that they never saw.

Heads of the active arm are tested on all of the random arm. Heads of the random arm are cross-fitted: each part is
tested by a head that the other parts trained. No item both trains and tests a head, and the test set was not chosen by
anybody, so the two curves can be compared.
"""

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
    folds: Codes
    """Part of the random arm that each of its labels belongs to."""
    classes: tuple[str, ...]
    truth: Codes
    mean: Floats
    scale: float
    starts: dict[tuple[str, int, int], Head] = field(default_factory=dict)

    @classmethod
    def of(cls, arms: Arms, folds: int, seed: int) -> "Trial":
        """A trial of these arms."""
        classes = tuple(sorted({*arms.active.labels.tolist(), *arms.random.labels.tolist()}))
        place = {name: code for code, name in enumerate(classes)}
        truth = np.array([place[name] for name in arms.random.labels.tolist()], dtype=np.intp)
        mean, scale = pool_moments(np.concatenate([arms.active.vectors, arms.random.vectors]))
        return cls(arms, parts(truth, folds, seed), classes, truth, mean, scale)

    def everything(self) -> Weights:
        """Each label once."""
        return Weights(np.ones(len(self.arms.active)), np.ones(len(self.arms.random)))

    def resampled(self, numbers: np.random.Generator) -> Weights:
        """As many labels drawn again, with replacement, in each arm; one draw for training and for testing."""
        return Weights(_drawn(len(self.arms.active), numbers), _drawn(len(self.arms.random), numbers))

    def active(self, count: int, weights: Weights, config: HeadConfig) -> Codes:
        """What a head of the first labels of the active arm says of the whole random arm."""
        head = self._fit(("active", count, 0), self.arms.active.first(count), weights.active[:count], config)
        return self._said(head, self.arms.random.vectors)

    def random(self, count: int, weights: Weights, config: HeadConfig) -> Codes:
        """What heads of that many labels of the random arm say of its other parts."""
        said = np.zeros(len(self.truth), dtype=np.intp)
        random = self.arms.random
        for part in range(int(self.folds.max()) + 1):
            test = self.folds == part
            rows = np.flatnonzero(~test)[:count]
            labelled = Labelled(random.vectors[rows], random.labels[rows], random.trust[rows])
            head = self._fit(("random", count, part), labelled, weights.random[rows], config)
            said[test] = self._said(head, random.vectors[test])
        return said

    def score(self, said: Codes, weights: Weights, by: Score) -> float:
        """How good that is."""
        if by is Score.MACRO_F1:
            return macro_f1(self.truth, said, weights.random, len(self.classes))
        return accuracy(self.truth, said, weights.random)

    @property
    def training_labels(self) -> int:
        """Labels that a head of the random arm has at most: what the parts leave."""
        sizes = np.bincount(self.folds)
        return int(len(self.folds) - sizes.max())

    def _fit(
        self, kind: tuple[str, int, int], labelled: Labelled, counts: NDArray[np.float64], config: HeadConfig
    ) -> Head | None:
        trust = labelled.trust * counts
        if not trust.any():
            return None
        labels = labelled.labels.tolist()
        start = self.starts.get(kind)
        head = fit_head(labelled.vectors, labels, trust, self.mean, self.scale, start, config)
        self.starts.setdefault(kind, head)
        return head

    def _said(self, head: Head | None, vectors: Floats) -> Codes:
        if head is None:
            return np.zeros(len(vectors), dtype=np.intp)
        place = {name: code for code, name in enumerate(self.classes)}
        codes = np.array([place[name] for name in head.classes], dtype=np.intp)
        return np.asarray(codes[head.logits(vectors).argmax(axis=1)], dtype=np.intp)


def parts(truth: Codes, folds: int, seed: int) -> Codes:
    """Each label's part: as equal as can be, and each class spread over them."""
    order = np.random.default_rng(seed).permutation(len(truth))
    by_class = order[np.argsort(truth[order], kind="stable")]
    found = np.empty(len(truth), dtype=np.intp)
    found[by_class] = np.arange(len(truth)) % folds
    return found


def _drawn(count: int, numbers: np.random.Generator) -> NDArray[np.float64]:
    return np.bincount(numbers.integers(0, count, count), minlength=count).astype(np.float64)

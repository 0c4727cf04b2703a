"""Strategies of small-text and scikit-activeml on the same pools, with the same head.

What needs a trained classifier starts from the random batch that all share; what needs none starts cold. Those of
scikit-activeml that compare all with all see 2,000 unlabelled items and all labelled ones.
"""

import numpy as np
from numpy.typing import NDArray
from skactiveml import pool as skactiveml_pool
from skactiveml.classifier import SklearnClassifier
from sklearn.linear_model import LogisticRegression
from small_text import query_strategies as small_text_strategies

from annotation.selection.strategies.port import Pool
from annotation.selection.strategies.ranked import RandomDraw
from tests.evaluations.protocol import UNKNOWN, Arm

_SEEN = 2000
_COLD = {"EmbeddingKMeans", "LightweightCoreset", "TypiClust", "ProbCover", "MaxHerding", "CoreSet"}
_WITH_CLASSIFIER = {"Falcun", "DropQuery", "Badge"}


class SmallTextHead:
    """What small-text calls a classifier, over rows of a pool."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def predict_proba(self, rows: NDArray[np.intp]) -> NDArray[np.floating]:
        assert self._pool.probabilities is not None
        return np.asarray(self._pool.probabilities[rows])

    def embed(self, rows: NDArray[np.intp], return_proba: bool = False, pbar: object = None) -> object:
        assert self._pool.vectors is not None
        vectors = self._pool.vectors[rows]
        if not return_proba:
            return vectors
        return vectors, None if self._pool.probabilities is None else self.predict_proba(rows)


def small_text(name: str, _classes: int) -> Arm:
    """A query strategy of small-text with its own defaults."""
    build = getattr(small_text_strategies, name)

    def choose(pool: Pool, labels: NDArray[np.intp], count: int, seed: int) -> list[int]:
        if pool.probabilities is None and name not in _COLD:
            return _random(pool, count, seed)
        np.random.seed(seed % 2**32)  # the library draws from it
        rows, known = np.arange(len(labels)), np.flatnonzero(labels != UNKNOWN)
        free = np.flatnonzero(labels == UNKNOWN)
        return [int(row) for row in build().query(SmallTextHead(pool), rows, free, known, labels[known], n=count)]

    return choose


def scikit_activeml(name: str, classes: int) -> Arm:
    """A query strategy of scikit-activeml with its own defaults; it may know how many classes there are."""
    build = getattr(skactiveml_pool, name)

    def choose(pool: Pool, labels: NDArray[np.intp], count: int, seed: int) -> list[int]:
        if pool.probabilities is None and name not in _COLD:
            return _random(pool, count, seed)
        rows = _seen(labels, seed)
        assert pool.vectors is not None
        y = np.where(labels[rows] == UNKNOWN, np.nan, labels[rows].astype(float))
        strategy = build(random_state=seed % 2**31, **({"n_classes": classes} if name == "ProbCover" else {}))
        more = {"clf": _linear(classes)} if name in _WITH_CLASSIFIER else {}
        chosen = strategy.query(pool.vectors[rows].astype(float), y, batch_size=count, **more)
        return [int(rows[place]) for place in chosen]

    return choose


def _random(pool: Pool, count: int, seed: int) -> list[int]:
    return [pick.row for pick in RandomDraw().choose(pool, count, seed)]


def _linear(classes: int) -> SklearnClassifier:
    head = LogisticRegression(C=10, class_weight="balanced", max_iter=60)
    return SklearnClassifier(head, classes=range(classes))


def _seen(labels: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    free = np.flatnonzero(labels == UNKNOWN)
    some = np.random.default_rng(seed).permutation(free)[:_SEEN]
    return np.sort(np.concatenate([np.flatnonzero(labels != UNKNOWN), some]))

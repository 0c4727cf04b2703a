"""A linear head on frozen vectors: balanced multinomial logistic regression, refitted from where it stood.

All functions are pure and seeded. Numbers that are not finite are refused with ValueError: they are a caller's bug,
since vectors are checked where they enter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.heads.config import HeadConfig
from models.heads.objective import Floats, balanced, descend, log_softmax

TEMPERATURES = np.geomspace(0.1, 10, 25)
"""What `fit_temperature` chooses from."""

_DEFAULT = HeadConfig()


@dataclass(frozen=True)
class Head:
    """From vectors to probabilities of the classes it has seen. Immutable: a refit is another head."""

    classes: tuple[str, ...]
    weights: NDArray[np.float64]
    """(C, dim), for vectors shifted by `mean` and divided by `scale`."""
    bias: NDArray[np.float64]
    mean: NDArray[np.float64]
    """Mean vector of the pool when the encoder was new; new items are shifted by the same."""
    scale: float
    temperature: float = 1.0
    """Divides the logits where selection asks how sure the head is; above 1 it was too sure."""

    def logits(self, vectors: Floats) -> Floats:
        """(n, C) scores before the softmax."""
        features = _features(vectors, self.mean, self.scale)
        return np.asarray(features @ self.weights.T.astype(features.dtype) + self.bias.astype(features.dtype))

    def probabilities(self, vectors: Floats, temperature: bool = False) -> Floats:
        """(n, C), each row sums to 1; with `temperature` the logits are divided by it first."""
        divisor = self.temperature if temperature else 1.0
        return np.asarray(np.exp(log_softmax(self.logits(vectors) / divisor)))


def pool_moments(vectors: Floats) -> tuple[NDArray[np.float64], float]:
    """Mean vector of a pool and the root of the mean squared distance from it: `pool_mean` and `pool_scale`."""
    finite(vectors)
    mean = np.asarray(vectors.mean(axis=0), dtype=np.float64)
    scale = float(np.sqrt(((vectors - mean) ** 2).sum(axis=1).mean()))
    return mean, scale or 1.0


def fit_head(
    vectors: Floats,
    labels: Sequence[str],
    weights: Floats | None,
    pool_mean: Floats,
    pool_scale: float,
    start: Head | None = None,
    config: HeadConfig = _DEFAULT,
) -> Head:
    """The head of these labels, of the classes among them only; every class counts the same.

    `weights` is the trust in each label; what has none is left out. With `start` the descent begins there and keeps its
    temperature; a class that `start` does not know begins at zero. One class alone is predicted for everything.
    """
    trust = _trust(vectors, labels, weights)
    kept = trust > 0
    names = [label for label, keep in zip(labels, kept, strict=True) if keep]
    if not names:
        raise ValueError("a head needs at least one label that is trusted")
    classes = tuple(sorted(set(names)))
    features, trust = _features(vectors[kept], pool_mean, pool_scale), trust[kept]
    truth = indices(names, classes)
    coefficients: Floats = _start(classes, features.shape[1], start)
    if len(classes) > 1:
        penalty = 1 / (config.inverse_penalty * len(names))
        shares = balanced(truth, trust, len(classes))
        coefficients = descend(features, truth, shares, penalty, coefficients, config.max_steps)
    mean = np.asarray(pool_mean, dtype=np.float64)
    temperature = start.temperature if start else 1.0
    slopes, bias = np.asarray(coefficients[:, :-1], np.float64), np.asarray(coefficients[:, -1], np.float64)
    return Head(classes, slopes, bias, mean, float(pool_scale), temperature)


def fit_temperature(head: Head, vectors: Floats, labels: Sequence[str], config: HeadConfig = _DEFAULT) -> Head:
    """The head with the temperature under which these labels surprise it least. They must be new to it.

    Unchanged where fewer than `config.temperature_items` of them are of classes it knows.
    """
    losses, known = surprise(head, vectors, labels)
    if known < config.temperature_items or len(head.classes) < 2:
        return head
    return tempered(head, losses)


def tempered(head: Head, losses: NDArray[np.float64]) -> Head:
    """The head with that of TEMPERATURES under which the losses are least."""
    return replace(head, temperature=float(TEMPERATURES[int(np.argmin(losses))]))


def surprise(
    head: Head, vectors: Floats, labels: Sequence[str], trust: Floats | None = None
) -> tuple[NDArray[np.float64], int]:
    """The logarithmic loss of labels under each of TEMPERATURES, summed by trust; and how many labels that are.

    Labels of classes that the head does not know say nothing about how sure it is, and are left out.
    """
    truth = indices(labels, head.classes)
    known = truth >= 0
    if not known.any():
        return np.zeros(len(TEMPERATURES)), 0
    logits, truth, rows = head.logits(vectors[known]), truth[known], np.arange(int(known.sum()))
    weights = np.ones(len(rows)) if trust is None else np.asarray(trust, dtype=np.float64)[known]
    losses = [-float(weights @ log_softmax(logits / each)[rows, truth]) for each in TEMPERATURES]
    return np.array(losses), len(rows)


def fit_ensemble(
    vectors: Floats,
    labels: Sequence[str],
    weights: Floats | None,
    pool_mean: Floats,
    pool_scale: float,
    start: Head | None = None,
    config: HeadConfig = _DEFAULT,
    seed: int = 0,
) -> tuple[Head, ...]:
    """Heads that saw each label as often as a Poisson draw says; all know the same classes."""
    trust = _trust(vectors, labels, weights)
    numbers = np.random.default_rng(seed)
    draws = [_draw(labels, trust, numbers) for _ in range(config.ensemble_size)]
    return tuple(fit_head(vectors, labels, trust * draw, pool_mean, pool_scale, start, config) for draw in draws)


def indices(labels: Sequence[str], classes: Sequence[str]) -> NDArray[np.intp]:
    """Place of each label among the classes; -1 for a class that is not among them."""
    place = {name: position for position, name in enumerate(classes)}
    return np.array([place.get(label, -1) for label in labels], dtype=np.intp)


def finite(numbers: Floats) -> None:
    """Raises ValueError where a number is infinite or none."""
    if not np.isfinite(numbers).all():
        raise ValueError("vectors and weights must be finite numbers")


def _features(vectors: Floats, mean: Floats, scale: float) -> Floats:
    finite(vectors)
    kind = np.result_type(vectors.dtype, np.float32)
    return np.asarray((vectors - mean.astype(kind)) / kind.type(scale), dtype=kind)


def _trust(vectors: Floats, labels: Sequence[str], weights: Floats | None) -> NDArray[np.float64]:
    trust = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(vectors) == len(labels) == len(trust):
        raise ValueError(
            f"{len(vectors)} vectors, {len(labels)} labels and {len(trust)} weights do not belong together"
        )
    finite(trust)
    if (trust < 0).any():
        raise ValueError("trust in a label cannot be negative")
    return trust


def _start(classes: Sequence[str], dim: int, start: Head | None) -> NDArray[np.float64]:
    coefficients = np.zeros((len(classes), dim + 1))
    if start is None:
        return coefficients
    known = indices(classes, start.classes)
    old = np.column_stack([start.weights, start.bias])
    coefficients[known >= 0] = old[known[known >= 0]]
    return coefficients


def _draw(labels: Sequence[str], trust: NDArray[np.float64], numbers: np.random.Generator) -> NDArray[np.float64]:
    """Poisson counts; a class that none of them kept keeps one of its labels, or the heads could not be compared."""
    counts = numbers.poisson(1.0, len(labels)).astype(np.float64)
    names = np.asarray(labels, dtype=object)
    for name in sorted(set(labels)):
        own = np.flatnonzero((names == name) & (trust > 0))
        if len(own) and not counts[own].any():
            counts[numbers.choice(own)] = 1.0
    return counts

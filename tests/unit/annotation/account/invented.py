"""Invented labels of two arms whose truth is known."""

import numpy as np
from numpy.typing import NDArray

from annotation.account.arms import Arms, Labelled

Floats = NDArray[np.float64]


def cloud(
    count: int, seed: int, classes: int = 3, dim: int = 8, spread: float = 0.9
) -> tuple[Floats, NDArray[np.str_]]:
    """Points around one centre a class, which overlap."""
    centres = np.random.default_rng(0).normal(size=(classes, dim))
    numbers = np.random.default_rng(seed)
    truth = numbers.integers(0, classes, count)
    return centres[truth] + spread * numbers.normal(size=(count, dim)), np.array([f"class-{code}" for code in truth])


def arm(vectors: Floats, labels: NDArray[np.str_]) -> Labelled:
    return Labelled(vectors, labels, np.full(len(labels), 0.9))


def alike(count: int = 60, seed: int = 1) -> Arms:
    """Both arms drawn in the same way: nothing is saved."""
    vectors, labels = cloud(2 * count, seed)
    return Arms(arm(vectors[:count], labels[:count]), arm(vectors[count:], labels[count:]))


def misled(count: int = 60, seed: int = 1) -> Arms:
    """The active arm's labels say nothing, so that it never learns."""
    vectors, labels = cloud(2 * count, seed)
    shuffled = np.random.default_rng(seed).permutation(labels[:count])
    return Arms(arm(vectors[:count], shuffled), arm(vectors[count:], labels[count:]))


def gifted(count: int = 80, seed: int = 3) -> Arms:
    """The active arm was shown every centre early, the random arm sees points from far around them."""
    centres, labels = cloud(count, seed, spread=0.3)
    vectors, drawn = cloud(count, seed + 1, spread=1.1)
    by_turns = np.argsort([list(labels[:place]).count(label) for place, label in enumerate(labels)], kind="stable")
    return Arms(arm(centres[by_turns], labels[by_turns]), arm(vectors, drawn))

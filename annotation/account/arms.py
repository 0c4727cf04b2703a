"""The labels of both arms with their vectors, in the order in which they came."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.labels.store import SettledLabel
from schemas.annotations import Arm

Floats = NDArray[np.floating]
Vectors = Callable[[Collection[str]], Mapping[str, tuple[int, Floats]]]
"""Version and vector of each of these items that has one."""


@dataclass(frozen=True)
class Labelled:
    """Labels of one arm. Every array has one row a label, the oldest first."""

    vectors: Floats
    labels: NDArray[np.str_]
    trust: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.labels)

    def of(self, rows: NDArray[np.intp]) -> "Labelled":
        """Some of the labels."""
        return Labelled(self.vectors[rows], self.labels[rows], self.trust[rows])


@dataclass(frozen=True)
class Arms:
    """Both arms."""

    active: Labelled
    random: Labelled


def arms_of(labels: Sequence[SettledLabel], vectors: Vectors, max_labels: int, seed: int) -> Arms:
    """What an account can use: items with one class, whose vector is of the version that people saw.

    Of a long random arm a sample takes part, as any part of it is as good as another; of a long active arm the oldest.
    """
    usable = [label for label in labels if len(label.labels) == 1 and label.trust > 0]
    by_age = sorted(usable, key=lambda label: (label.settled_at_ms, label.item_id))
    active = [label for label in by_age if label.arm is Arm.ACTIVE][:max_labels]
    drawn = [label for label in by_age if label.arm is Arm.RANDOM]
    if len(drawn) > max_labels:
        kept = np.sort(np.random.default_rng(seed).permutation(len(drawn))[:max_labels])
        drawn = [drawn[place] for place in kept]
    return Arms(_labelled(active, vectors), _labelled(drawn, vectors))


def _labelled(labels: Sequence[SettledLabel], vectors: Vectors) -> Labelled:
    held = vectors([label.item_id for label in labels]) if labels else {}
    known = [label for label in labels if label.item_id in held and held[label.item_id][0] == label.version]
    if not known:
        return Labelled(np.zeros((0, 0), np.float32), np.array([], dtype=np.str_), np.zeros(0))
    return Labelled(
        np.stack([held[label.item_id][1] for label in known]),
        np.array([label.labels[0] for label in known]),
        np.array([label.trust for label in known], dtype=np.float64),
    )

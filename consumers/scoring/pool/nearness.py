"""What lies near the items of a batch: neighbours in the index, and one another. Asked while the pool is filled.

Scoring and indexing read the same topic, so an item may be scored before the index holds it. Items of one batch
therefore count as each other's neighbours, exactly, whatever the index knows already. Of an earlier batch that the
index has not written yet an item learns nothing, and an earlier item learns of a later one when it is scored again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.vector_index.port import Near, VectorIndex
from schemas.items import Modality

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Nearby:
    """The neighbours of one item, nearest first."""

    ids: tuple[str, ...]
    distances: tuple[float, ...]
    """Squared: twice one minus the cosine."""

    @property
    def density(self) -> float:
        """Mean similarity to them, 0 without any."""
        if not self.distances:
            return 0.0
        return sum([max(1 - d2 / 2, 0.0) for d2 in self.distances]) / len(self.distances)


def nearby(
    index: VectorIndex, tenant: str, model_version: str, modalities: Sequence[Modality], ids: Sequence[str],
    vectors: Vectors, count: int,
) -> list[Nearby]:  # fmt: skip
    """Neighbours of each item among those of its modality."""
    found: list[Nearby | None] = [None] * len(ids)
    for modality in dict.fromkeys(modalities):
        rows = [row for row, one in enumerate(modalities) if one is modality]
        own_ids, own = [ids[row] for row in rows], vectors[rows]
        indexed = index.neighbours(tenant, model_version, modality, list(own), count + 1)
        for row, one in zip(rows, merged(own_ids, own, indexed, count), strict=True):
            found[row] = one
    return [one for one in found if one is not None]


def merged(ids: Sequence[str], vectors: Vectors, indexed: Sequence[Sequence[Near]], count: int) -> list[Nearby]:
    """Neighbours in the index and in the batch together; in the batch's own words where both know an item."""
    own = set(ids)
    mates = vectors @ vectors.T
    nearest_mates = np.argsort(-mates, axis=1, kind="stable")[:, : count + 1]
    return [
        _nearby(
            [(ids[mate], float(mates[row, mate])) for mate in nearest_mates[row] if ids[mate] != ids[row]]
            + [(near.item_id, near.similarity) for near in indexed[row] if near.item_id not in own],
            count,
        )
        for row in range(len(ids))
    ]


def _nearby(similar: list[tuple[str, float]], count: int) -> Nearby:
    nearest = sorted(similar, key=lambda one: -one[1])[:count]
    return Nearby(
        tuple(item_id for item_id, _ in nearest),
        tuple(min(max(2 - 2 * similarity, 0.0), 4.0) for _, similarity in nearest),
    )

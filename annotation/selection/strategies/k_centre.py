"""k-centre: always the candidate farthest from all that is labelled or picked (greedy core-set)."""

import numpy as np
from numpy.typing import NDArray

from annotation.selection.strategies.port import Allowed, Pick, Pool, anything, shuffled

_BLOCK = 512


class KCentre:
    """Diversity alone: needs vectors, no head."""

    name = "k-centre"

    def choose(self, pool: Pool, count: int, seed: int, allowed: Allowed = anything) -> list[Pick]:
        """The very first pick is drawn at random: nothing is far from nothing."""
        if pool.vectors is None:
            raise ValueError("k-centre needs the vectors of the pool")
        order = shuffled(pool.candidates(), seed)
        vectors = pool.vectors[order]
        distance = _to_nearest(vectors, pool.vectors[pool.labelled])
        picks: list[Pick] = []
        while len(picks) < count and len(order) and (best := int(np.argmax(distance))) >= 0 and distance[best] >= 0:
            far = float(distance[best])
            distance[best] = -1.0
            if not allowed(int(order[best])):
                continue
            picks.append(Pick(int(order[best]), far, f"squared distance {far:.3f} to all labelled and picked"))
            distance = np.minimum(distance, _squared(vectors, vectors[best : best + 1])[:, 0])
        return picks


def _to_nearest(vectors: NDArray[np.floating], labelled: NDArray[np.floating]) -> NDArray[np.float64]:
    nearest = np.full(len(vectors), np.finfo(np.float64).max)
    for start in range(0, len(labelled), _BLOCK):
        nearest = np.minimum(nearest, _squared(vectors, labelled[start : start + _BLOCK]).min(axis=1))
    return nearest


def _squared(vectors: NDArray[np.floating], others: NDArray[np.floating]) -> NDArray[np.float64]:
    own, their = (np.einsum("ij,ij->i", each, each) for each in (vectors, others))
    return np.maximum(np.asarray(own[:, None] + their - 2 * (vectors @ others.T), dtype=np.float64), 0.0)

"""Which items of the pool are labelled next: by the project's own strategy on the model of the turn, or at random."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from annotation.selection.strategies.port import Pool
from models.heads.linear import pool_moments
from models.neighbours.config import NeighbourConfig
from models.neighbours.exact import distinct
from models.neighbours.graph import NeighbourGraph
from tests.evaluations.arms import AS_THE_STAGE, TOLD, arm
from tests.evaluations.datasets import Features
from tests.evaluations.protocol import UNKNOWN, Arm, Run, Split

ACTIVE, RANDOM = "active", "random"
ARMS = (ACTIVE, RANDOM)

Batches = Sequence[Sequence[int]]
"""Places in the pool that were labelled, turn by turn."""


def at_random(size: int, batches: Batches, count: int, seed: int) -> list[int]:
    """Of those that nobody labelled."""
    known = {place for batch in batches for place in batch}
    order = np.random.default_rng([seed, len(batches)]).permutation(size)
    return [int(place) for place in order if place not in known][:count]


def herded(vectors: Features, truth: NDArray[np.intp] | None, batches: Batches, count: int, seed: int) -> list[int]:
    """By graph herding on these vectors, and where there are classes on the head of the labels so far, as the stage.

    Copies in the eyes of this model share a place, as in the stage's graph; what is labelled stands for its copies.
    """
    known = [place for batch in batches for place in batch]
    rows = np.array(known + [place for place in range(len(vectors)) if place not in set(known)], dtype=np.intp)
    mean, scale = pool_moments(vectors)
    scaled = ((vectors - mean) / scale).astype(np.float32)[rows]
    first, place_of = distinct(scaled, NeighbourConfig().copy_distance)
    own = {int(row): int(place_of[at]) for at, row in enumerate(rows)}
    seen = [list(dict.fromkeys(own[row] for row in batch)) for batch in batches]
    features = scaled[first]
    picks = (
        _covering(features, seen, count, seed)
        if truth is None
        else _unsure(features, truth[rows[first]], seen, count, seed)
    )
    return [int(rows[first[pick]]) for pick in picks]


def _covering(features: Features, seen: Batches, count: int, seed: int) -> list[int]:
    """Without classes there is no head, and every item counts as unsure."""
    graph = NeighbourGraph.from_vectors([str(row) for row in range(len(features))], features).csr()[1]
    labelled = np.zeros(len(features), dtype=bool)
    labelled[[row for batch in seen for row in batch]] = True
    pool = Pool(range(len(features)), graph, None, None, features, labelled, ~labelled)  # type: ignore[arg-type]
    return _herding(1)(pool, np.zeros(0, dtype=np.intp), count, seed)


def _unsure(features: Features, truth: NDArray[np.intp], seen: Batches, count: int, seed: int) -> list[int]:
    """Head, temperature and gate learn from the batches as they came, then the strategy chooses."""
    classes = int(truth.max()) + 1
    split = Split(features, features[:15], truth, truth[:15], classes, count, seed)
    chosen: list[list[int]] = []

    def replayed(pool: Pool, labels: NDArray[np.intp], count: int, seed: int) -> list[int]:
        if len(chosen) < len(seen):
            fresh = [row for row in seen[len(chosen)] if labels[row] == UNKNOWN]
            chosen.append(fresh)
        else:
            chosen.append(_herding(classes)(pool, labels, count, seed))
        return chosen[-1]

    Run(split, TOLD).through(replayed, rounds=len(seen) + 1)
    return chosen[-1]


def _herding(classes: int) -> Arm:
    return arm(AS_THE_STAGE, classes)

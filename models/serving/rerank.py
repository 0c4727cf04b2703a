"""A second look at the best of a fused ranking: order them by how near they really are to the query."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from models.vector_index.port import Candidate

LOWEST_COSINE = -1.0


def by_cosine(query: NDArray[np.float32], candidates: Iterable[Candidate]) -> list[Candidate]:
    """Candidates by the cosine of their vector to the query's, which becomes their score.

    One without a vector that means something was found by its words alone and goes to the end; equals keep their order.
    """
    scored = [replace(one, score=_cosine(query, one)) for one in candidates]
    return sorted(scored, key=lambda one: -one.score)


def _cosine(query: NDArray[np.float32], candidate: Candidate) -> float:
    return LOWEST_COSINE if candidate.vector is None else float(query @ candidate.vector)

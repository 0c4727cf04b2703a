"""Builders of pools."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from annotation.selection.strategies.port import Pool
from models.heads.uncertainty import margin
from models.neighbours.graph import NeighbourGraph


def pool(
    graph: csr_matrix,
    labelled: tuple[int, ...] = (),
    ineligible: tuple[int, ...] = (),
    probabilities: NDArray[np.floating] | None = None,
    uncertain: NDArray[np.floating] | None = None,
    vectors: NDArray[np.floating] | None = None,
) -> Pool:
    """A pool of as many items as the graph has rows."""
    rows = np.arange(graph.shape[0])
    keys = [f"item-{row}" for row in rows]
    done, free = np.isin(rows, labelled), ~np.isin(rows, ineligible)
    return Pool(keys, graph, probabilities, uncertain, vectors, labelled=done, eligible=free)


def drawn_pool(seed: int, size: int = 40, labelled: int = 0, head: bool = True) -> Pool:
    """Random vectors, their exact graph and a random head."""
    numbers = np.random.default_rng(seed)
    vectors = numbers.normal(size=(size, 5))
    _, graph = NeighbourGraph.from_vectors([str(row) for row in range(size)], vectors).csr()
    p = numbers.dirichlet(np.ones(3), size) if head else None
    return pool(graph, tuple(range(labelled)), (), p, None if p is None else margin(p), vectors)


def edges(size: int, *pairs: tuple[int, int, float]) -> csr_matrix:
    """A symmetric graph of these edges."""
    matrix = np.zeros((size, size))
    for one, other, weight in pairs:
        matrix[one, other] = matrix[other, one] = weight
    return csr_matrix(matrix)

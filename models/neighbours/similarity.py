"""From distances to similarities: a Gaussian whose width follows the local density."""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

_NOBODY = -1
_LEAST_WIDTH = 1e-6
"""Keeps the width above zero where all neighbours are copies."""


def similarity(near: NDArray[np.int32], far: NDArray[np.float64], scaling_neighbour: int) -> csr_matrix:
    """W: w_ij = exp(-d2_ij / sqrt(s_i s_j)), s_i = d2 to the scaling neighbour; symmetric, no self edge.

    An edge that only one end lists counts for both. Lists are padded with -1 and infinity, nearest first.
    """
    size = len(near)
    listed = near != _NOBODY
    counts = listed.sum(axis=1)
    at = np.minimum(counts, scaling_neighbour) - 1
    widths = np.where(counts > 0, far[np.arange(size), np.maximum(at, 0)], 1.0) + _LEAST_WIDTH
    rows = np.repeat(np.arange(size, dtype=np.int32), counts)
    columns = near[listed]
    weights = np.exp(-far[listed] / np.sqrt(widths[rows] * widths[columns])).astype(np.float32)
    listed_once = csr_matrix((weights, (rows, columns)), shape=(size, size))
    both = listed_once.maximum(listed_once.T).tocsr()
    both.sort_indices()
    return both

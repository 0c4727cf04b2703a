"""How much a label would teach, from its parts.

    acquisition = 1 - (1 - u * (0.5 + 0.5 * density)) * (1 - w * signal)

u is the margin of the tempered head (1 before the first head), density the mean similarity to the nearest neighbours,
signal the evidence from searches and feedback, w its weight. All lie within 0..1, and so does the result, which never
falls where one of them rises. An item in the middle of nothing keeps half of its uncertainty; feedback can lift an item
of which the head is sure, because that is what a confident error looks like.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def acquisition(u: Numbers, density: Numbers, signal: Numbers, signal_weight: float) -> Numbers:
    """One number for each item, within 0..1."""
    base = u * (0.5 + 0.5 * density)
    return np.asarray(np.clip(1 - (1 - base) * (1 - signal_weight * signal), 0.0, 1.0), dtype=np.float64)

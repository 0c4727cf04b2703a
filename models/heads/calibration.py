"""How sure a head may be, learnt from the labels that it is fitted to: by heads that did not see them.

A head is too sure of what it has seen. So its labels are divided into folds, and each is judged by a head of the
others; one temperature for all of them is what the head of all labels gets.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.heads.config import HeadConfig
from models.heads.linear import TEMPERATURES, Head, fit_head, pool_moments, surprise, tempered
from models.heads.objective import Floats

Folds = NDArray[np.intp]
"""Number of the fold that each label is in. What is nearly the same belongs into one."""


def fit_calibrated(
    vectors: Floats,
    labels: Sequence[str],
    trust: Floats,
    folds: Folds,
    config: HeadConfig,
    rest: Callable[[], None] = lambda: None,
) -> Head:
    """The head of all these labels, with its temperature. `rest` is called between two fits, and may raise."""
    moments = pool_moments(vectors)
    head = fit_head(vectors, labels, trust, *moments, config=config)
    names = np.array(labels, dtype=object)
    losses, judged = np.zeros(len(TEMPERATURES)), 0
    for fold in np.unique(folds):
        rest()
        inside = folds == fold
        seen = names[~inside & (trust > 0)].tolist()
        if len(set(seen)) < 2:
            continue
        other = fit_head(vectors[~inside], names[~inside].tolist(), trust[~inside], *moments, config=config)
        more, known = surprise(other, vectors[inside], names[inside].tolist(), trust[inside])
        losses, judged = losses + more, judged + known
    if judged < config.temperature_items:
        return head
    return tempered(head, losses)

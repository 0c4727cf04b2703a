"""What a selection strategy is: a pool of candidates in, the picks of one batch out. Pure and seeded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Allowed = Callable[[int], bool]
"""Whether a row may be picked now. Asked lazily, just before it would be: quotas may change with every pick."""


def anything(_row: int) -> bool:
    """Every row is allowed."""
    return True


@dataclass(frozen=True)
class Pool:
    """All that a strategy may look at. Every array has one row for each key, in the same order."""

    keys: Sequence[str]
    graph: csr_matrix
    """Similarities of neighbours, symmetric, each within 0..1."""
    probabilities: NDArray[np.floating] | None
    """(n, C) of the current head, untempered; None before the first, or where only `uncertain` is known."""
    uncertain: NDArray[np.floating] | None
    """(n,) within 0..1: margin of the tempered head; None where there is no head, then all count as unsure."""
    vectors: NDArray[np.floating] | None
    """(n, dim); only k-centre needs them."""
    labelled: NDArray[np.bool_]
    """Labelled, or asked for already: they are covered and never picked."""
    eligible: NDArray[np.bool_]
    """May be picked. What is not eligible still counts as a neighbour that a label would teach."""

    def __post_init__(self) -> None:
        """Raises ValueError where an array does not fit the keys or holds what is no number."""
        rows = len(self.keys)
        arrays = [self.labelled, self.eligible, self.probabilities, self.uncertain, self.vectors]
        if self.graph.shape != (rows, rows) or any(each is not None and len(each) != rows for each in arrays):
            raise ValueError(f"graph and arrays of a pool must have one row for each of its {rows} keys")
        numbers = [self.graph.data, self.probabilities, self.uncertain, self.vectors]
        if not all(each is None or np.isfinite(each).all() for each in numbers):
            raise ValueError("a pool must hold finite numbers only")

    def candidates(self) -> NDArray[np.intp]:
        """Rows that may be picked."""
        return np.flatnonzero(self.eligible & ~self.labelled)


@dataclass(frozen=True)
class Pick:
    """A row to ask for. `gain` is what the strategy thought it worth, comparable within one batch only."""

    row: int
    gain: float
    reason: str


class Strategy(Protocol):
    """Chooses batches. Equal pools, counts and seeds give equal picks; ties are broken by the seed."""

    @property
    def name(self) -> str:
        """As in the registry and in requests."""
        ...

    def choose(self, pool: Pool, count: int, seed: int, allowed: Allowed = anything) -> list[Pick]:
        """Up to `count` picks, the best first; fewer where the pool has no more that are allowed."""
        ...


def shuffled(rows: NDArray[np.intp], seed: int) -> NDArray[np.intp]:
    """The seeded order that breaks ties."""
    return np.asarray(np.random.default_rng(seed).permutation(rows), dtype=np.intp)

"""Who is compared: our strategies by their registered names, and those of two libraries."""

from dataclasses import replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from annotation.selection.strategies.port import Pool
from annotation.selection.strategies.registry import STRATEGIES
from tests.evaluations.protocol import Arm


def own(name: str) -> Arm:
    """A strategy of ours."""
    strategy = STRATEGIES[name]()

    def choose(pool: Pool, _labels: NDArray[np.intp], count: int, seed: int) -> list[int]:
        return [pick.row for pick in strategy.choose(pool, count, seed)]

    return choose


def blind(chooses: Arm) -> Arm:
    """The same without the head's probabilities: it knows how unsure the head is, not between what."""

    def choose(pool: Pool, labels: NDArray[np.intp], count: int, seed: int) -> list[int]:
        return chooses(replace(pool, probabilities=None), labels, count, seed)

    return choose


def arm(name: str, classes: int) -> Arm:
    """By name, for so many classes; a library's are `library:Strategy`."""
    library, _, strategy = name.partition(":")
    if name == UNCERTAINTY_ONLY:
        return blind(own("graph-herding"))
    if name == AS_THE_STAGE:
        return own("graph-herding")
    if not strategy:
        return own(library)
    from tests.evaluations import peers

    return {"small-text": peers.small_text, "scikit-activeml": peers.scikit_activeml}[library](strategy, classes)


UNCERTAINTY_ONLY = "graph-herding, uncertainty only"
AS_THE_STAGE = "graph-herding, five told"
TOLD = 5
"""Classes that a score tells."""
OURS = ("random", "margin", "entropy", "k-centre", "graph-herding", AS_THE_STAGE, UNCERTAINTY_ONLY)
BEST_OF_PEERS = ("small-text:BreakingTies", "scikit-activeml:MaxHerding")


def versions() -> dict[str, str]:
    """Of what the figures depend on."""
    return {name: version(name) for name in ("numpy", "scipy", "scikit-learn", "small-text", "scikit-activeml")}

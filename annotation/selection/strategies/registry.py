"""The strategies by name."""

from collections.abc import Callable

from annotation.selection.strategies.graph_herding import GraphHerding
from annotation.selection.strategies.k_centre import KCentre
from annotation.selection.strategies.port import Strategy
from annotation.selection.strategies.ranked import RandomDraw, highest_entropy, least_margin, lowest_confidence

STRATEGIES: dict[str, Callable[[], Strategy]] = {
    "graph-herding": GraphHerding,
    "margin": least_margin,
    "entropy": highest_entropy,
    "least-confidence": lowest_confidence,
    "k-centre": KCentre,
    "random": RandomDraw,
}
"""The first is the default; margin and then random are what selection falls back to."""

DEFAULT = "graph-herding"

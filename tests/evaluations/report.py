"""Tables of the evaluation for people, JSON for machines, and which goals are met."""

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import numpy as np

from tests.evaluations.ratios import Curve, Ratio, against_best, median_interval, ratio, resampled

FULL, HALF = 10, 5
DEFAULT = "graph-herding"

Measured = dict[str, dict[str, dict[str, list[list[float]]]]]
"""Set, strategy, `head` or `spread`: F1 after each round, one list a seed."""


@dataclass(frozen=True)
class Goal:
    """One promise and what became of it."""

    what: str
    limit: float
    value: float

    @property
    def met(self) -> bool:
        return self.value <= self.limit


class Figures:
    """All ratios of the measured curves."""

    def __init__(self, measured: Measured) -> None:
        self.measured = measured
        self.sets = tuple(measured)
        self.strategies = tuple(next(iter(measured.values()))) if measured else ()

    def curve(self, name: str, strategy: str, kind: str) -> Curve:
        return np.array(self.measured[name][strategy][kind], dtype=np.float64)

    def ratio(self, name: str, strategy: str, kind: str, checkpoint: int) -> Ratio:
        """Against random with its head alone."""
        return ratio(*self._pair(name, strategy, kind), checkpoint)

    def values(self, sets: Sequence[str], strategy: str, kind: str, checkpoint: int) -> dict[str, float]:
        return {name: self.ratio(name, strategy, kind, checkpoint).value for name in sets}

    def median(self, sets: Sequence[str], strategy: str, kind: str, checkpoint: int) -> tuple[float, float, float]:
        """Over sets, with its 90% interval."""
        spreads = [
            resampled(*self._pair(name, strategy, kind), checkpoint, seed=place) for place, name in enumerate(sets)
        ]
        values = list(self.values(sets, strategy, kind, checkpoint).values())
        return float(np.median(values)), *median_interval(spreads)

    def seeds(self, strategy: str) -> int:
        """Fewest that any set has of it."""
        return min(len(self.measured[name][strategy]["head"]) for name in self.sets if strategy in self.measured[name])

    def _pair(self, name: str, strategy: str, kind: str) -> tuple[Curve, Curve]:
        """A strategy and random on the same seeds."""
        own = self.curve(name, strategy, kind)
        return own, self.curve(name, "random", "head")[: len(own)]


def goals(figures: Figures, sets: Sequence[str], strategy: str = DEFAULT) -> list[Goal]:
    """What the default strategy is held to, on the judged sets; its variants do not count as others."""
    others = [each for each in figures.strategies if not each.startswith((DEFAULT, "random"))]
    found = []
    for limit, checkpoint, budget in ((0.50, FULL, "full"), (0.60, HALF, "half")):
        value = figures.median(sets, strategy, "head", checkpoint)[0]
        found.append(Goal(f"selection alone, median of {len(sets)} sets, {budget} budget", limit, value))
    for checkpoint, budget in ((FULL, "full"), (HALF, "half")):
        worst = max(figures.values(sets, strategy, "head", checkpoint).values())
        found.append(Goal(f"selection alone, worst set, {budget} budget", 1.0, worst))
    value = figures.median(sets, strategy, "spread", FULL)[0]
    found.append(Goal("with propagation against plain random, median, full budget", 0.33, value))
    for checkpoint, budget in ((FULL, "full"), (HALF, "half")) if others else ():
        own = figures.values(sets, strategy, "head", checkpoint)
        best = against_best(own, [figures.values(sets, each, "head", checkpoint) for each in others])
        found.append(Goal(f"against the best other picked afterwards, median, {budget} budget", 1.05, best))
    return found


def tables(figures: Figures, judged: Sequence[str]) -> str:
    """Markdown: one table a kind, one row a strategy, one column a set."""
    parts = []
    for kind, title in (("head", "Selection alone"), ("spread", "With gated propagation, against plain random")):
        parts += [f"**{title}** (full budget; half budget)", "", _table(figures, judged, kind), ""]
    return "\n".join(parts)


def f1_table(figures: Figures) -> str:
    """Macro-F1 at full budget."""
    lines = ["| strategy | " + " | ".join(figures.sets) + " |", "|---" * (len(figures.sets) + 1) + "|"]
    for strategy in figures.strategies:
        cells = [_f1(figures, name, strategy) for name in figures.sets]
        lines.append(f"| {strategy} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def verdicts(found: Sequence[Goal]) -> str:
    """One line a goal; what is missed says so."""
    return "\n".join(
        f"- {'met' if each.met else '**missed**'}: {each.what}: {shown(each.value)}, goal {each.limit:.2f}"
        for each in found
    )


def as_json(figures: Figures, judged: Sequence[str]) -> dict[str, object]:
    """Everything, curves included, so that tables can be made again."""
    ratios = {
        name: {
            strategy: {
                f"{kind}, {checkpoint} rounds": asdict(figures.ratio(name, strategy, kind, checkpoint))
                for kind in ("head", "spread")
                for checkpoint in (FULL, HALF)
            }
            for strategy in figures.strategies
        }
        for name in figures.sets
    }
    met = [asdict(each) | {"met": each.met} for each in goals(figures, judged)] if judged else []
    return {"ratios": ratios, "goals": met, "curves": figures.measured}


def machine() -> dict[str, object]:
    """What it ran on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def shown(value: float) -> str:
    """Two digits; what was not reached within the budget is above 1."""
    return f"{value:.2f}" if np.isfinite(value) else ">1"


def _table(figures: Figures, judged: Sequence[str], kind: str) -> str:
    heads = ["strategy", *figures.sets, *([f"median, {len(judged)} sets"] if judged else []), "seeds"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for strategy in figures.strategies:
        if strategy == "random" and kind == "head":
            continue
        cells = [
            "; ".join(_cell(figures.ratio(name, strategy, kind, at)) for at in (FULL, HALF)) for name in figures.sets
        ]
        medians = [figures.median(judged, strategy, kind, at) for at in (FULL, HALF)] if judged else []
        cells += (
            ["; ".join(f"{shown(value)} [{shown(low)}, {shown(high)}]" for value, low, high in medians)]
            if judged
            else []
        )
        lines.append(f"| {strategy} | {' | '.join(cells)} | {figures.seeds(strategy)} |")
    return "\n".join(lines)


def _cell(found: Ratio) -> str:
    return f"{shown(found.value)} [{shown(found.low90)}, {shown(found.high90)}]"


def _f1(figures: Figures, name: str, strategy: str) -> str:
    head, spread = (figures.curve(name, strategy, kind)[:, FULL - 1].mean() for kind in ("head", "spread"))
    return f"{head:.3f}, {spread:.3f}"

"""From runs to figures: means over seeds, differences over paired seeds, and Markdown tables.

Intervals are Student's at 95% over seeds. They tell how far another split, other labels and another start would lead;
pools of seeds overlap, so they are somewhat too narrow.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from tests.evaluations.loop.choosing import ACTIVE, ARMS, RANDOM

MEASURES = {
    "recall_at_10": "recall@10, picture to text",
    "recall_at_1": "right class prompt first",
    "query_recall_at_10": "recall@10, text to pictures",
    "macro_f1": "macro-F1 of the head",
}
"""What is shown, where it was measured."""
SHOWN = {
    "openstax-captions": ("recall_at_10", "query_recall_at_10"),
    "clothing": ("recall_at_1", "query_recall_at_10", "macro_f1"),
    "banking77": ("macro_f1",),
}

Values = NDArray[np.float64]
Run = dict[str, Any]


@dataclass(frozen=True)
class Mean:
    """A mean over seeds with its 95% interval; the interval of a single seed is everything."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Values) -> "Mean":
        value = float(values.mean())
        if len(values) < 2:
            return cls(value, float("-inf"), float("inf"))
        reach = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values)))
        return cls(value, value - reach, value + reach)

    def plain(self) -> str:
        return f"{self.value:.3f}" + ("" if np.isinf(self.low) else f" [{self.low:.3f}, {self.high:.3f}]")

    def signed(self) -> str:
        """A difference; in bold where its interval leaves out zero."""
        words = f"{self.value:+.3f}" + ("" if np.isinf(self.low) else f" [{self.low:+.3f}, {self.high:+.3f}]")
        return f"**{words}**" if self.low > 0 or self.high < 0 else words


class Figures:
    """All runs whose pair is there as well."""

    def __init__(self, runs: Sequence[Run]) -> None:
        there = {(run["set"], run["seed"], run["arm"]) for run in runs}
        self.runs = [run for run in runs if all((run["set"], run["seed"], arm) in there for arm in ARMS)]
        self.sets = list(dict.fromkeys(run["set"] for run in self.runs))

    def seeds(self, name: str) -> list[int]:
        return sorted({run["seed"] for run in self.runs if run["set"] == name})

    def turns(self, name: str) -> int:
        """Besides the state before."""
        return min(len(run["turns"]) for run in self.runs if run["set"] == name) - 1

    def each(self, name: str, arm: str, turn: int, of: Callable[[Any], float]) -> Values:
        """One value a seed, in their order."""
        runs = {run["seed"]: run for run in self.runs if (run["set"], run["arm"]) == (name, arm)}
        return np.array([of(runs[seed]["turns"][turn]) for seed in sorted(runs)], dtype=np.float64)

    def measured(self, name: str, arm: str, turn: int, measure: str, model: str = "after") -> Values:
        """Of the model `after` the turn, of that `before`, or of the `frozen` one that nothing was trained of."""
        return self.each(name, arm, turn, lambda found: found[model].get(measure, np.nan))

    def as_json(self) -> dict[str, object]:
        """Everything that the tables show."""
        return {name: list(self._facts(name)) for name in self.sets}

    def _facts(self, name: str) -> Iterator[dict[str, object]]:
        for turn in range(1, self.turns(name) + 1):
            for measure in SHOWN[name]:
                of = {arm: self.measured(name, arm, turn, measure) for arm in ARMS}
                plain = {arm: self.measured(name, arm, turn, measure, "frozen") for arm in ARMS}
                yield {
                    "turn": turn,
                    "measure": measure,
                    "seeds": self.seeds(name),
                    **{arm: asdict(Mean.of(of[arm])) for arm in ARMS},
                    "active minus random": asdict(Mean.of(of[ACTIVE] - of[RANDOM])),
                    **{f"trained minus frozen, {arm}": asdict(Mean.of(of[arm] - plain[arm])) for arm in ARMS},
                }


def tables(figures: Figures) -> str:
    """For each set what was reached, and what training and selection changed."""
    parts = []
    for name in figures.sets:
        parts += [f"### {name}, {len(figures.seeds(name))} seeds", "", reached(figures, name), ""]
        parts += [changed(figures, name), ""]
    return "\n".join(parts)


def reached(figures: Figures, name: str) -> str:
    """Rows by turn and arm; for heads also what the frozen tower reaches with the same labels."""
    heads = ["turn", "labels", "arm"]
    for measure in SHOWN[name]:
        heads += [f"{MEASURES[measure]}, frozen"] if measure == "macro_f1" else []
        heads += [MEASURES[measure]]
    lines = [_line([*heads, "the gate passes", "CPU s"]), "|---" * (len(heads) + 2) + "|"]
    for turn in range(figures.turns(name) + 1):
        lines += [_line(_row(figures, name, arm, turn)) for arm in (ARMS if turn else (RANDOM,))]
    return "\n".join(lines)


def _row(figures: Figures, name: str, arm: str, turn: int) -> list[str]:
    labels = figures.each(name, arm, turn, lambda found: found["labels"]).mean()
    cells = [str(turn), f"{labels:.0f}", arm if turn else "-"]
    for measure in SHOWN[name]:
        if measure == "macro_f1":
            cells += [Mean.of(figures.measured(name, arm, turn, measure, "frozen")).plain() if turn else "-"]
        headless = measure == "macro_f1" and not turn
        cells += ["-" if headless else Mean.of(figures.measured(name, arm, turn, measure)).plain()]
    if not turn:
        return [*cells, "-", "-"]
    passed = figures.each(name, arm, turn, lambda found: found["passed"])
    spent = figures.each(name, arm, turn, lambda found: sum(found["seconds"].values()))
    return [*cells, f"{passed.sum():.0f} of {len(passed)}", f"{spent.mean():.1f}"]


def changed(figures: Figures, name: str) -> str:
    """Paired differences over seeds; in bold those whose interval leaves out zero."""
    heads = ["turn", "measure", "active minus random", *(f"trained minus frozen, {arm}" for arm in ARMS)]
    lines = [_line(heads), "|---" * len(heads) + "|"]
    for turn in range(1, figures.turns(name) + 1):
        for measure in SHOWN[name]:
            of = {arm: figures.measured(name, arm, turn, measure) for arm in ARMS}
            gains = [of[arm] - figures.measured(name, arm, turn, measure, "frozen") for arm in ARMS]
            differences = [Mean.of(each).signed() for each in (of[ACTIVE] - of[RANDOM], *gains)]
            lines.append(_line([str(turn), MEASURES[measure], *differences]))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"

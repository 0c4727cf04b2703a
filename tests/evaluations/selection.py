"""`python -m tests.evaluations.selection`: strategies on real data, one table, JSON, and which goals are missed.

Seeds are the outer loop and the JSON is written after each, so that a run that is stopped has what it has measured.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from threadpoolctl import threadpool_limits

from tests.evaluations.arms import AS_THE_STAGE, BEST_OF_PEERS, OURS, TOLD, UNCERTAINTY_ONLY, arm, versions
from tests.evaluations.datasets import DATA_SETS, JUDGED, DataSet, Source
from tests.evaluations.protocol import Run, Split
from tests.evaluations.report import DEFAULT, Figures, Measured, as_json, f1_table, goals, machine, tables, verdicts

FINAL_SEEDS = 100
"""Seeds from here on were never looked at while choosing; explore with those from 0."""

BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass
class Evaluation:
    """What is measured so far."""

    sets: Sequence[DataSet]
    strategies: Sequence[str]
    measured: Measured = field(default_factory=dict)

    def seed(self, seed: int, place: int) -> None:
        """All strategies on all sets, on one split of each; what is there already is not run again."""
        for data in self.sets:
            split = Split.of(data, seed)
            for name in self.strategies:
                found = self.measured.setdefault(data.name, {}).setdefault(name, {"head": [], "spread": []})
                if len(found["head"]) > place:
                    continue
                told = TOLD if name == AS_THE_STAGE else None
                curves = Run(split, told).through(arm(name, split.classes))
                found["head"].append(curves.head)
                found["spread"].append(curves.spread)


def evaluate(given: argparse.Namespace) -> Figures:
    """All seeds, with progress."""
    source = Source(given.data, given.cache, say)
    measured = json.loads(given.json.read_text())["curves"] if given.go_on else {}
    evaluation = Evaluation([DATA_SETS[name](source) for name in given.sets], given.strategies, measured)
    for place in range(given.seeds):
        started = time.monotonic()
        evaluation.seed(given.first_seed + place, place)
        say(f"seed {given.first_seed + place}, {place + 1} of {given.seeds}, {time.monotonic() - started:.0f} s")
        write(given, {"curves": evaluation.measured})
    figures = Figures(evaluation.measured)
    write(given, as_json(figures, judged(figures)))
    return figures


def write(given: argparse.Namespace, figures: dict[str, object]) -> None:
    """The JSON of what is there; written beside and renamed, never half."""
    content = machine() | {"versions": versions(), "first_seed": given.first_seed} | figures
    given.json.parent.mkdir(parents=True, exist_ok=True)
    beside = given.json.with_suffix(".part")
    beside.write_text(json.dumps(content))
    beside.replace(given.json)


def judged(figures: Figures) -> list[str]:
    """The sets the goals are about, of those measured."""
    return [name for name in JUDGED if name in figures.sets]


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluations.selection", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="paired seeds")
    parser.add_argument("--first-seed", type=int, default=FINAL_SEEDS, help="explore with 0, never with the default")
    parser.add_argument("--sets", nargs="+", default=list(DATA_SETS), choices=list(DATA_SETS))
    parser.add_argument("--strategies", nargs="+", default=[*OURS, *BEST_OF_PEERS], metavar="NAME")
    parser.add_argument("--data", type=Path, default=BESIDE_THE_REPOSITORY, help="folder of the real data")
    parser.add_argument("--cache", type=Path, default=Path(".millrace/eval"), help="where vectors are kept")
    parser.add_argument("--json", type=Path, default=Path(".millrace/eval/selection.json"), help="where figures go")
    parser.add_argument(
        "--go-on", action="store_true", help="add to the figures in --json: more seeds, sets, strategies"
    )
    parser.add_argument("--quick", action="store_true", help="two seeds of two small sets: only shows that it runs")
    given = parser.parse_args(words)
    if given.quick:
        given.seeds, given.sets = 2, ["digits", "clothing"]
    if not given.data.is_dir():
        parser.error(f"no real data at {given.data}; name the folder with --data")
    if "random" not in given.strategies:
        given.strategies = ["random", *given.strategies]
    return given


def main() -> None:
    """The whole evaluation on one BLAS thread."""
    given = arguments()
    with threadpool_limits(limits=1):
        figures = evaluate(given)
    own = judged(figures)
    say(f"\n{tables(figures, own)}\n**Macro-F1 at full budget** (head; gated mixture)\n\n{f1_table(figures)}\n")
    for name in (DEFAULT, UNCERTAINTY_ONLY):
        if own and name in figures.strategies:
            say(f"{name}:\n{verdicts(goals(figures, own, name))}\n")
    say(f"\n{given.seeds} seeds from {given.first_seed}; figures with curves: {given.json}")


if __name__ == "__main__":
    main()

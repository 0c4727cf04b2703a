"""How often the gate errs, and what it sees: `python -m tests.evaluations.gate [TIMES]`; a few minutes on one core.

Each row is a contest that is drawn anew so many times. Where nothing should be promoted, the rate must not lie above
the stated one by more than chance allows (binomial, 99%); where the candidate is better, the rate is the gate's power.
"""

import sys
from dataclasses import dataclass

from scipy.stats import binomtest

from tests.unit.trainers.gate.simulated import (
    Contest,
    harming_a_slice,
    losing,
    most_by_chance,
    promotions,
    skilled,
    skilled_twice,
)
from trainers.gate.config import GateConfig
from trainers.gate.verdict import Aim

CONFIG = GateConfig()
SIZES = (40, 60, 100)
HARMS = (1.0, 0.5, 0.3, 0.2, 0.15)
"""What an item that is harmed loses: the less, the more items are."""
GAINS = (0.4, 0.8, 1.2)
"""In standard deviations of a similarity."""


@dataclass(frozen=True)
class Row:
    """One contest."""

    what: str
    items: int
    contest: Contest
    aim: Aim = Aim.BETTER
    null: bool = True


def rows() -> list[Row]:
    found = [Row("no better", size, skilled(size, 0.0, skill)) for size in SIZES for skill in (0.5, 1.5, 2.5)]
    found += [
        Row(f"as good, loses the margin, {by} an item", size, losing(size, CONFIG.margin, by), Aim.AS_GOOD)
        for size in SIZES
        for by in HARMS
    ]
    found += [
        Row(f"one slice loses the margin, {by} an item", size, harming_a_slice(size, CONFIG.slice_margin, by))
        for size in (80, 120)
        for by in HARMS
    ]
    found += [Row("no better in either of two measures", size, skilled_twice(size, 0.0)) for size in SIZES]
    found += [Row("better in one of two measures", size, skilled_twice(size, 1.0), null=False) for size in SIZES]
    return found + [Row(f"better by {gain}", size, skilled(size, gain), null=False) for size in SIZES for gain in GAINS]


def main(times: int) -> int:
    """Prints the table; the number of rows whose error is above the stated one."""
    allowed, wrong = most_by_chance(times, CONFIG.alpha), 0
    _say(f"{'contest':<46}{'items':>6}{'promoted':>10}{'95% interval':>18}  verdict")
    for row in rows():
        count = promotions(row.contest, times, CONFIG, row.aim)
        interval = binomtest(count, times).proportion_ci(method="exact")
        verdict = "power" if not row.null else "within" if count <= allowed else "ABOVE"
        wrong += verdict == "ABOVE"
        shown = f"{interval.low:.3f} to {interval.high:.3f}"
        _say(f"{row.what:<46}{row.items:>6}{count / times:>10.3f}{shown:>18}  {verdict}")
    _say(f"stated false promotion rate {CONFIG.alpha}, {times} contests a row, {wrong} rows above it")
    return wrong


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(1 if main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000) else 0)

"""Two sides of one piece of work to a verdict. Knows no clock and no Kafka: a side measures itself.

The machine is noisy, so nothing is said about seconds. Sides take turns A B B A, each pair gives one ratio, the median
of the ratios is the result. Before that, A runs against itself: if even that median is not near 1, the noise is larger
than the question and there is no verdict. Both sides prove what they did, and unequal proofs void the comparison.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from statistics import median

PAIRS = 7
QUIET = (0.93, 1.07)
"""Where the median of A against A must lie."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a side: what it cost, in any unit that both sides share, and a proof of what it did."""

    cost: float
    proof: Hashable = None


Side = Callable[[], Measured]
Pair = tuple[Measured, Measured]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """We must be this many times as fast as the peer: peer's cost / our cost."""

    bound: float

    def ratio(self, ours: float, peer: float) -> float:
        return peer / ours

    def met(self, ratio: float) -> bool:
        return ratio >= self.bound

    def __str__(self) -> str:
        return f">= {self.bound:.2f}"


@dataclass(frozen=True, slots=True)
class AtMost:
    """We may take this many times as long as the peer: our cost / peer's cost."""

    bound: float

    def ratio(self, ours: float, peer: float) -> float:
        return ours / peer

    def met(self, ratio: float) -> bool:
        return ratio <= self.bound

    def __str__(self) -> str:
        return f"<= {self.bound:.2f}"


Goal = AtLeast | AtMost


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the pairs say. `ratios` has one number a pair; `null` is the median of A against A."""

    ours: float
    """Median cost."""
    peer: float
    ratios: tuple[float, ...]
    null: float
    goal: Goal | None
    same_work: bool

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    @property
    def verdict(self) -> str:
        """`met`, `missed`, `no goal`, `no verdict` (too noisy) or `different work`."""
        if not self.same_work:
            return "different work"
        if not is_quiet(self.null):
            return "no verdict"
        if self.goal is None:
            return "no goal"
        return "met" if self.goal.met(self.ratio) else "missed"


def is_quiet(null: float) -> bool:
    return QUIET[0] <= null <= QUIET[1]


def interleaved(a: Side, b: Side, pairs: int) -> list[Pair]:
    """Pairs of runs in the order A B, B A, A B and so on; each pair is given as (A, B)."""
    done = []
    for number in range(pairs):
        if number % 2 == 0:
            of_a = a()
            of_b = b()
        else:
            of_b = b()
            of_a = a()
        done.append((of_a, of_b))
    return done


def null_ratio(pairs: Sequence[Pair]) -> float:
    """Median of first against second, for pairs of one and the same side."""
    return median(first.cost / second.cost for first, second in pairs)


def compare(ours: Side, peer: Side, goal: Goal | None = None, pairs: int = PAIRS, tries: int = 2) -> Comparison:
    """Both sides warmed up, the null test (again if it fails, at most `tries` times), then the pairs."""
    ours()
    peer()
    for _ in range(tries):
        null = null_ratio(interleaved(ours, ours, pairs))
        if is_quiet(null):
            break
    return judged(interleaved(ours, peer, pairs), null, goal)


def judged(pairs: Sequence[Pair], null: float, goal: Goal | None) -> Comparison:
    """The comparison that these pairs (ours, peer) make."""
    direction = goal or AtLeast(1.0)
    return Comparison(
        ours=median(ours.cost for ours, _ in pairs),
        peer=median(peer.cost for _, peer in pairs),
        ratios=tuple(direction.ratio(ours.cost, peer.cost) for ours, peer in pairs),
        null=null,
        goal=goal,
        same_work=len({run.proof for pair in pairs for run in pair}) == 1,
    )


def percentile(numbers: Sequence[float], share: float) -> float:
    """The smallest number that at least this share of them does not exceed."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]

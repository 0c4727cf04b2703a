"""The harness decides what is said about speed, so it is tested like the rest."""

from collections.abc import Iterator

import pytest

from tests.benchmarks.harness import AtLeast, AtMost, Measured, Side, compare, interleaved, judged, percentile
from tests.benchmarks.report import Row, table


def side(name: str, costs: Iterator[float], log: list[str], proof: object = 1) -> Side:
    def run() -> Measured:
        log.append(name)
        return Measured(next(costs), proof)

    return run


def steady(cost: float) -> Iterator[float]:
    while True:
        yield cost


def pairs_of(ours: float, peer: float, proofs: tuple[object, object] = (1, 1)) -> list[tuple[Measured, Measured]]:
    return [(Measured(ours, proofs[0]), Measured(peer, proofs[1]))] * 3


def test_sides_take_turns_so_that_a_drift_of_the_machine_hits_both() -> None:
    log: list[str] = []
    interleaved(side("A", steady(1), log), side("B", steady(1), log), 4)
    assert "".join(log) == "ABBAABBA"


def test_a_pair_is_given_ours_first_whoever_ran_first() -> None:
    log: list[str] = []
    pairs = interleaved(side("A", steady(1), log), side("B", steady(2), log), 2)
    assert [(a.cost, b.cost) for a, b in pairs] == [(1, 2), (1, 2)]


def test_both_sides_are_warm_before_anything_counts() -> None:
    log: list[str] = []
    costs_a, costs_b = iter([100.0, *[1.0] * 9]), iter([100.0, *[2.0] * 3])
    compared = compare(side("A", costs_a, log), side("B", costs_b, log), AtLeast(2.0), pairs=3)
    assert (compared.ratio, compared.verdict) == (2.0, "met")


def test_at_least_is_about_speed_and_at_most_about_time() -> None:
    assert judged(pairs_of(ours=2, peer=1), 1.0, AtLeast(0.5)).ratio == 0.5
    assert judged(pairs_of(ours=2, peer=1), 1.0, AtMost(1.5)).ratio == 2.0


@pytest.mark.parametrize(
    ("goal", "verdict"),
    [
        (AtLeast(0.5), "met"),
        (AtLeast(0.51), "missed"),
        (AtMost(2.0), "met"),
        (AtMost(1.9), "missed"),
        (None, "no goal"),
    ],
)
def test_the_goal_decides(goal: AtLeast | AtMost | None, verdict: str) -> None:
    assert judged(pairs_of(ours=2, peer=1), 1.0, goal).verdict == verdict


@pytest.mark.parametrize("null", [0.9, 1.1])
def test_a_machine_too_noisy_to_compare_a_side_with_itself_gives_no_verdict(null: float) -> None:
    assert judged(pairs_of(ours=1, peer=9), null, AtLeast(2.0)).verdict == "no verdict"


def test_a_null_test_that_failed_is_tried_once_more() -> None:
    log: list[str] = []
    costs = iter([1.0, 1.0, 3.0, 1.0, 1.0, 1.0])  # warm-up, a null test that fails, one that does not, the pair
    compared = compare(side("A", costs, log), side("B", steady(1), log), AtLeast(0.5), pairs=1)
    assert compared.verdict == "met"


def test_sides_that_did_different_work_are_not_compared() -> None:
    assert judged(pairs_of(1, 9, proofs=("abc", "abd")), 1.0, AtLeast(2.0)).verdict == "different work"


def test_one_wild_pair_does_not_move_the_result() -> None:
    wild = [*pairs_of(1, 2), (Measured(50, 1), Measured(2, 1))]
    assert judged(wild, 1.0, AtLeast(1.0)).ratio == 2.0


@pytest.mark.parametrize(("share", "found"), [(0.95, 19), (0.5, 10), (1.0, 20), (0.0, 1)])
def test_a_percentile_is_one_of_the_numbers(share: float, found: int) -> None:
    assert percentile(list(range(20, 0, -1)), share) == found


def test_the_table_shows_what_ours_peer_ratio_goal_and_verdict() -> None:
    row = Row("copy", "bare loop 1.0", "µs a record", judged(pairs_of(2, 1), 1.0, AtLeast(0.5)))
    head, _, line = table([row]).splitlines()[:3]
    assert [cell.strip() for cell in head.split("|")[1:-1]] == ["what", "ours", "peer", "ratio", "goal", "verdict"]
    assert [cell.strip() for cell in line.split("|")[1:-1]][3:] == ["0.50", ">= 0.50", "met"]

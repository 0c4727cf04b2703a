import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from annotation.selection.strategies.graph_herding import Gains, GraphHerding, agreeing
from annotation.selection.strategies.port import Pool, shuffled
from tests.unit.annotation.selection.strategies.pools import drawn_pool, edges, pool

SEEDS = st.integers(0, 2000)


def rows(chosen: Pool, count: int, seed: int = 0) -> list[int]:
    return [pick.row for pick in GraphHerding().choose(chosen, count, seed)]


def gains_by_the_formula(chosen: Pool, taken: list[int]) -> NDArray[np.float64]:
    w = np.asarray(chosen.graph.todense(), dtype=np.float64)
    if (p := chosen.probabilities) is not None:
        lengths = np.linalg.norm(p, axis=1)
        w = w * np.sqrt(np.clip(p @ p.T / np.outer(lengths, lengths), 0, 1))
    labelled = chosen.labelled.copy()
    unsure = np.ones(len(w)) if chosen.uncertain is None else np.where(labelled, 0, chosen.uncertain)
    labelled[taken] = True
    cover = np.where(labelled, 1, w[:, labelled].max(axis=1, initial=0))
    return np.asarray(unsure * (1 - cover) + (unsure * np.maximum(0, w - cover)).sum(axis=1))


def eagerly(chosen: Pool, count: int, seed: int) -> list[int]:
    gains = Gains(chosen)
    order = shuffled(chosen.candidates(), seed).tolist()
    taken: list[int] = []
    for _ in range(count):
        left = [row for row in order if row not in taken and not gains.covered(row)]
        if not left:
            break
        taken.append(max(left, key=gains.of))
        gains.cover(taken[-1])
    return taken


@given(seed=SEEDS, labelled=st.integers(0, 20), head=st.booleans(), count=st.integers(0, 45))
def test_lazy_picks_are_eager_picks(seed: int, labelled: int, head: bool, count: int) -> None:
    chosen = drawn_pool(seed, labelled=labelled, head=head)
    assert rows(chosen, count, seed) == eagerly(chosen, count, seed)


@given(seed=SEEDS, labelled=st.integers(0, 20), head=st.booleans())
def test_every_gain_is_the_formula_s(seed: int, labelled: int, head: bool) -> None:
    chosen = drawn_pool(seed, labelled=labelled, head=head)
    taken: list[int] = []
    for pick in GraphHerding().choose(chosen, 8, seed):
        assert pick.gain == pytest.approx(gains_by_the_formula(chosen, taken)[pick.row], abs=1e-6)
        taken.append(pick.row)


@given(seed=SEEDS, labelled=st.integers(0, 20))
def test_gains_only_shrink(seed: int, labelled: int) -> None:
    chosen = drawn_pool(seed, labelled=labelled)
    gains = Gains(chosen)
    before = gains.all()
    gains.cover(int(chosen.candidates()[0]))
    assert (gains.all() <= before).all()


@given(seed=SEEDS, labelled=st.integers(0, 20))
def test_one_pass_over_all_gives_each_row_s_own_gain(seed: int, labelled: int) -> None:
    gains = Gains(drawn_pool(seed, labelled=labelled))
    assert gains.all().tolist() == [gains.of(row) for row in range(40)]


def test_two_exact_copies_are_never_both_picked() -> None:
    copies = edges(4, (0, 1, 1.0), (2, 3, 0.5))
    for seed in range(20):
        assert len({0, 1} & set(rows(pool(copies), 4, seed))) == 1


def test_a_copy_of_a_labelled_item_is_not_picked() -> None:
    assert rows(pool(edges(3, (0, 1, 1.0)), labelled=(0,)), 3) == [2]


def test_the_first_pick_is_the_densest_place() -> None:
    assert rows(pool(edges(5, (0, 1, 0.6), (0, 2, 0.6), (0, 3, 0.6))), 1) == [0]


def test_the_second_pick_is_far_from_the_first() -> None:
    two_groups = edges(6, (0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.9), (3, 4, 0.7), (3, 5, 0.7), (4, 5, 0.7))
    first, second = rows(pool(two_groups), 2)
    assert (first < 3, second >= 3) == (True, True)


def test_a_head_that_is_sure_of_a_dense_place_moves_the_pick_to_where_it_is_not() -> None:
    dense = edges(5, (0, 1, 0.9), (0, 2, 0.9), (1, 2, 0.9), (3, 4, 0.5))
    assert rows(pool(dense, uncertain=np.array([0.1, 0.1, 0.1, 0.9, 0.9])), 1)[0] in {3, 4}


def test_a_label_says_less_about_a_neighbour_of_which_the_head_expects_another_class() -> None:
    sure = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    lowered = agreeing(edges(4, (0, 1, 0.8), (0, 2, 0.8), (0, 3, 0.8)), sure)
    assert lowered[0].toarray().tolist() == [pytest.approx([0, 0.8, 0, 0.8 * 0.5**0.25])]


def test_a_head_that_knows_nothing_lowers_no_similarity() -> None:
    assert agreeing(edges(2, (0, 1, 0.5)), np.full((2, 3), 1 / 3))[0, 1] == pytest.approx(0.5)


def test_a_neighbour_of_another_expected_class_is_still_asked_for() -> None:
    near_copies = edges(3, (0, 1, 0.95))
    p, unsure = np.array([[0.9, 0.1], [0.1, 0.9], [0.8, 0.2]]), np.array([0.2, 0.2, 0.1])
    assert rows(pool(near_copies, labelled=(0,), probabilities=p, uncertain=unsure), 1) == [1]
    assert rows(pool(near_copies, labelled=(0,), uncertain=unsure), 1) == [2]


def test_an_item_that_may_not_be_picked_still_draws_picks_near_it() -> None:
    star = edges(4, (0, 1, 0.9), (2, 3, 0.5))
    assert rows(pool(star, ineligible=(0,)), 1) == [1]


def test_what_is_labelled_or_not_eligible_is_never_picked() -> None:
    assert set(rows(pool(edges(5), labelled=(0,), ineligible=(1,)), 5)) == {2, 3, 4}


def test_a_row_refused_while_picking_covers_nothing() -> None:
    star = edges(3, (0, 1, 0.9), (0, 2, 0.9))
    picks = GraphHerding().choose(pool(star), 1, 0, allowed=lambda row: row != 0)
    assert [pick.gain for pick in picks] == pytest.approx([1.9])


def test_a_quota_that_fills_while_picking_is_honoured() -> None:
    taken: list[int] = []

    def one_below_ten(row: int) -> bool:
        free = row >= 10 or not any(each < 10 for each in taken)
        taken.extend([row] if free else [])
        return free

    picks = GraphHerding().choose(drawn_pool(3), 20, 0, allowed=one_below_ten)
    assert len([pick for pick in picks if pick.row < 10]) == 1
    assert len(picks) == 20


def test_equal_gains_are_taken_in_an_order_that_the_seed_gives() -> None:
    alike = pool(edges(50))
    assert rows(alike, 5, seed=1) == rows(alike, 5, seed=1)
    assert rows(alike, 5, seed=1) != rows(alike, 5, seed=2)


def test_a_pick_says_where_its_gain_comes_from() -> None:
    [pick] = GraphHerding().choose(pool(edges(2, (0, 1, 0.5)), ineligible=(1,)), 1, 0)
    assert pick.reason == "gain 1.000 of its own (unsure 1.00, covered 0.00) and 0.500 of its neighbours"

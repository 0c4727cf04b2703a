import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.neighbours.graph import NeighbourGraph
from models.neighbours.propagation import Gate, carried, inductive, mixture, normalised, propagate, rows

CHAIN = csr_matrix(np.diag(np.ones(4), 1) + np.diag(np.ones(4), -1))


def said(*labels: int) -> NDArray[np.intp]:
    return np.array(labels, dtype=np.intp)


@given(seed=st.integers(0, 500), classes=st.integers(1, 5), given_labels=st.integers(0, 30))
def test_rows_sum_to_one_whatever_is_labelled(seed: int, classes: int, given_labels: int) -> None:
    numbers = np.random.default_rng(seed)
    _, graph = NeighbourGraph.from_vectors([str(n) for n in range(30)], numbers.normal(size=(30, 4))).csr()
    labels = np.full(30, -1)
    labels[:given_labels] = numbers.integers(0, classes, given_labels)
    p = rows(propagate(graph, labels, classes=classes))
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_a_label_reaches_its_neighbours_before_those_farther_away() -> None:
    p = rows(propagate(CHAIN, said(0, -1, -1, -1, 1)))
    assert p[1, 0] > p[2, 0] > p[3, 0]
    assert p[2, 0] == pytest.approx(0.5, abs=1e-3)


def test_a_common_class_has_no_more_weight_than_a_rare_one() -> None:
    graph = csr_matrix(np.array([[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1], [1, 1, 1, 0]], dtype=float))
    assert rows(propagate(graph, said(0, 0, 1, -1)))[3].tolist() == pytest.approx([0.5, 0.5], abs=1e-3)


def test_a_label_that_nobody_trusts_says_nothing() -> None:
    p = rows(propagate(CHAIN, said(0, -1, -1, -1, 1), np.array([1, 1, 1, 1, 0.0])))
    assert p[4, 0] > 0.5


def test_an_item_that_no_label_reaches_has_all_classes_alike() -> None:
    assert rows(propagate(csr_matrix((2, 2)), said(0, -1), classes=4))[1].tolist() == [0.25] * 4


def test_more_steps_from_a_start_are_steps_in_one_go() -> None:
    labels = said(0, -1, -1, -1, 1)
    halfway = propagate(CHAIN, labels, steps=6)
    np.testing.assert_allclose(propagate(CHAIN, labels, start=halfway, steps=6), propagate(CHAIN, labels, steps=12))


def test_a_start_is_widened_for_a_new_class() -> None:
    start = propagate(CHAIN, said(0, -1, -1, -1, -1))
    assert propagate(CHAIN, said(0, -1, -1, -1, 1), start=start).shape == (5, 2)


def test_a_start_of_other_items_is_refused() -> None:
    with pytest.raises(ValueError, match="carry"):
        propagate(CHAIN, said(0, -1, -1, -1, 1), start=np.zeros((3, 2), np.float32))


def test_trust_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="trust"):
        propagate(CHAIN, said(0, -1, -1, -1, 1), np.array([np.nan, 1, 1, 1, 1]))


def test_values_are_carried_by_key_and_newcomers_start_at_zero() -> None:
    values = np.array([[1, 2], [3, 4]], np.float32)
    assert carried(values, ["a", "b"], ["b", "new", "a"]).tolist() == [[3, 4], [0, 0], [1, 2]]


def test_the_kept_normalised_matrix_gives_the_same_values() -> None:
    labels = said(0, -1, -1, -1, 1)
    np.testing.assert_array_equal(propagate(CHAIN, labels, spreading=normalised(CHAIN)), propagate(CHAIN, labels))


def test_the_mixture_is_half_head_half_graph() -> None:
    values = np.array([[3.0, 1.0]], np.float32)
    assert mixture(np.array([[0.0, 1.0]]), values)[0].tolist() == pytest.approx([0.375, 0.625], abs=1e-6)


def test_a_new_item_gets_what_its_neighbours_have_by_their_similarity() -> None:
    values = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    assert inductive(values, np.array([3.0, 1.0])).tolist() == pytest.approx([0.75, 0.25], abs=1e-5)


def test_a_new_item_without_neighbours_has_all_classes_alike() -> None:
    assert inductive(np.zeros((0, 4), np.float32), np.zeros(0)).tolist() == [0.25] * 4


RIGHT, WRONG = [1.0, 0.0], [0.0, 1.0]


def judged(gate: Gate, head: list[float], graph: list[float], label: int = 0, size: int = 2) -> Gate:
    return gate.updated(said(label), np.array([head]), np.array([graph]), np.array([size, size]))


def test_the_gate_is_open_before_anything_is_known() -> None:
    assert Gate().opened


def test_the_gate_closes_where_the_head_alone_was_right() -> None:
    assert judged(Gate(), head=RIGHT, graph=WRONG) == Gate(-0.5)
    assert not judged(Gate(), head=RIGHT, graph=WRONG).opened


def test_the_gate_opens_again_when_the_mixture_is_right_where_the_head_is_not() -> None:
    assert judged(Gate(-0.5), head=WRONG, graph=RIGHT) == Gate(0.25)


def test_what_was_long_ago_counts_half_as_much_each_time() -> None:
    assert judged(Gate(-0.5), head=RIGHT, graph=RIGHT) == Gate(-0.25)


def test_a_class_that_neither_knew_does_not_move_the_gate() -> None:
    assert judged(Gate(), head=RIGHT, graph=WRONG, label=-1) == Gate()


def test_a_rare_class_moves_the_gate_more_than_a_common_one() -> None:
    assert judged(Gate(), RIGHT, WRONG, size=1).score < judged(Gate(), RIGHT, WRONG, size=10).score

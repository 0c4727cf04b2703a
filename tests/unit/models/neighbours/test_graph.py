import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.neighbours.config import NeighbourConfig
from models.neighbours.exact import nearest, nearest_to
from models.neighbours.graph import NeighbourGraph

Offered = list[tuple[str, float]]


def points(count: int, dim: int = 6, seed: int = 0) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed).normal(size=(count, dim))
    return np.asarray(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))


def names(count: int) -> list[str]:
    return [f"item-{number}" for number in range(count)]


def all_distances(vectors: NDArray[np.float64], row: int) -> Offered:
    return [(f"item-{other}", float(((vectors[row] - vectors[other]) ** 2).sum())) for other in range(len(vectors))]


def grown(vectors: NDArray[np.float64], order: list[int]) -> NeighbourGraph:
    graph = NeighbourGraph()
    for row in order:
        graph.put(f"item-{row}", [pair for pair in all_distances(vectors, row) if pair[0] != f"item-{row}"])
    return graph


def dense(graph: NeighbourGraph) -> tuple[list[str], NDArray[np.float64]]:
    keys, matrix = graph.csr()
    order = np.argsort(keys)
    return sorted(keys), np.asarray(matrix.todense())[order][:, order]


def lists(graph: NeighbourGraph) -> dict[str, list[str]]:
    known = graph.keys()
    return {key: [other for other, _ in graph.neighbours(key)] for key in known}


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), order=st.permutations(range(40)))
def test_insertion_order_changes_nothing_but_the_order_of_rows(seed: int, order: list[int]) -> None:
    vectors = points(40, seed=seed)
    keys, whole = dense(NeighbourGraph.from_vectors(names(40), vectors))
    same_keys, one_by_one = dense(grown(vectors, order))
    assert same_keys == keys
    np.testing.assert_allclose(one_by_one, whole, atol=1e-5)


@given(seed=st.integers(0, 1000), gone=st.sets(st.integers(0, 29), max_size=29))
def test_what_lost_neighbours_stays_valid(seed: int, gone: set[int]) -> None:
    graph = NeighbourGraph.from_vectors(names(30), points(30, seed=seed), NeighbourConfig(neighbours=4))
    before = lists(graph)
    for row in gone:
        graph.remove(f"item-{row}")
    lost = {f"item-{row}" for row in gone}
    kept = {key: [other for other in near if other not in lost] for key, near in before.items() if key not in lost}
    assert lists(graph) == kept
    graph.csr()
    assert lists(graph) == kept


@given(seed=st.integers(0, 1000))
def test_the_matrix_is_symmetric_without_self_edges_and_within_zero_and_one(seed: int) -> None:
    _, matrix = NeighbourGraph.from_vectors(names(50), points(50, seed=seed)).csr()
    assert abs(matrix - matrix.T).max() == 0
    assert matrix.diagonal().max() == 0
    assert 0 <= matrix.data.min() <= matrix.data.max() <= 1


def test_similarity_is_scaled_by_the_distance_to_the_seventh_neighbour() -> None:
    vectors = points(40)
    _, matrix = NeighbourGraph.from_vectors(names(40), vectors).csr()
    near, far = nearest(vectors, 15)
    other = int(near[0, 0])
    widths = far[0, 6] + 1e-6, far[other, 6] + 1e-6
    assert matrix[0, other] == pytest.approx(np.exp(-far[0, 0] / np.sqrt(widths[0] * widths[1])), abs=1e-5)


def test_a_newcomer_improves_the_list_of_an_item_that_was_there() -> None:
    graph = NeighbourGraph(NeighbourConfig(neighbours=2))
    graph.put("a", [])
    graph.put("b", [("a", 1.0)])
    graph.put("c", [("a", 0.5)])
    graph.put("d", [("a", 0.7)])
    assert graph.neighbours("a") == [("c", 0.5), ("d", 0.7)]


def test_unknown_neighbours_are_passed_over() -> None:
    graph = NeighbourGraph()
    graph.put("a", [("stranger", 0.1)])
    assert graph.neighbours("a") == []


def test_twenty_copies_share_one_place_and_leave_no_island() -> None:
    vectors = np.concatenate([np.repeat(points(1, seed=5), 20, axis=0), points(30)])
    graph = NeighbourGraph.from_vectors(names(50), vectors)
    keys, matrix = graph.csr()
    assert (len(graph), len(keys), keys[0]) == (50, 31, "item-0")
    assert matrix[0].sum() > 0.1


def test_copies_put_one_by_one_share_the_place_of_the_first() -> None:
    graph = grown(points(3), [0, 1, 2])
    graph.put("copy", [("item-1", 0.0), ("item-0", 0.9)])
    assert graph.representative("copy") == "item-1"
    assert graph.copies("item-1") == ("item-1", "copy")


def test_a_copy_takes_the_place_of_a_removed_original_with_its_edges() -> None:
    graph = grown(points(3), [0, 1, 2])
    graph.put("copy", [("item-1", 0.0)])
    before = graph.neighbours("item-1")
    graph.remove("item-1")
    assert graph.representative("copy") == "copy"
    assert graph.neighbours("copy") == before


def test_an_item_cannot_come_twice() -> None:
    graph = grown(points(2), [0, 1])
    with pytest.raises(ValueError, match="already"):
        graph.put("item-0", [])


def test_a_replaced_item_has_its_new_neighbours_only() -> None:
    graph = NeighbourGraph()
    graph.put("a", [])
    graph.put("b", [("a", 0.5)])
    graph.put("c", [("a", 0.4)])
    graph.replace("a", [("a", 0.0), ("c", 1.5)])
    assert lists(graph) == {"b": [], "c": ["a"], "a": ["c"]}


def test_replacing_what_is_not_there_puts_it() -> None:
    graph = NeighbourGraph()
    graph.replace("a", [])
    assert graph.keys() == ["a"]


def test_a_distance_that_is_none_is_refused_and_changes_nothing() -> None:
    graph = grown(points(2), [0, 1])
    with pytest.raises(ValueError, match="finite"):
        graph.replace("item-1", [("item-0", float("nan"))])
    assert graph.keys() == ["item-0", "item-1"]


def test_vectors_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        NeighbourGraph.from_vectors(["a", "b"], np.array([[0.0, 1.0], [np.nan, 1.0]]))


def test_two_vectors_of_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="own"):
        NeighbourGraph.from_vectors(["a", "a"], points(2))


def test_removing_says_whether_it_was_there() -> None:
    graph = grown(points(1), [0])
    assert (graph.remove("item-0"), graph.remove("item-0"), len(graph)) == (True, False, 0)


@pytest.mark.parametrize("count", [0, 1, 2, 9])
def test_a_small_graph_has_a_matrix_as_well(count: int) -> None:
    keys, matrix = NeighbourGraph.from_vectors(names(count), points(count)).csr()
    assert (len(keys), matrix.shape) == (count, (count, count))


def test_the_matrix_is_kept_until_something_changes() -> None:
    graph = grown(points(5), [0, 1, 2, 3])
    first = graph.csr()
    assert graph.csr() is first
    graph.remove("item-3")
    assert graph.csr() is not first


def test_places_of_removed_items_are_given_back() -> None:
    graph = NeighbourGraph(NeighbourConfig(neighbours=3))
    for number in range(2000):
        graph.put(f"item-{number}", [(f"item-{number - 1}", 0.5)])
        graph.remove(f"item-{number - 2}")
    assert len(graph._there) <= 256
    assert lists(graph) == {"item-1998": ["item-1999"], "item-1999": ["item-1998"]}


def test_nearest_in_blocks_is_nearest_by_comparing_all() -> None:
    vectors = points(1100)
    near, far = nearest(vectors, 5)
    d2 = ((vectors[700] - vectors) ** 2).sum(axis=1)
    order = np.argsort(d2)[1:6]
    assert near[700].tolist() == order.tolist()
    np.testing.assert_allclose(far[700], d2[order], atol=1e-9)


def test_what_is_nearest_to_an_item_outside_is_what_is_nearest_inside() -> None:
    vectors = points(600)
    inside, _ = nearest(vectors, 4)
    outside, far = nearest_to(vectors, vectors, 5)
    np.testing.assert_array_equal(outside[:, 1:], inside)
    np.testing.assert_allclose(far[:, 0], 0, atol=1e-12)


def test_a_graph_says_whom_it_knows() -> None:
    graph = grown(points(1), [0])
    assert ("item-0" in graph, "stranger" in graph) == (True, False)

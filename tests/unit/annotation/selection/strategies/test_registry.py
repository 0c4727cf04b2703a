import numpy as np
import pytest

from annotation.selection.strategies.port import Strategy
from annotation.selection.strategies.registry import DEFAULT, STRATEGIES
from tests.unit.annotation.selection.strategies.pools import drawn_pool, edges, pool


@pytest.fixture(params=sorted(STRATEGIES))
def strategy(request: pytest.FixtureRequest) -> Strategy:
    return STRATEGIES[request.param]()


def test_a_strategy_is_called_as_it_is_registered() -> None:
    assert {name: build().name for name, build in STRATEGIES.items()} == {name: name for name in STRATEGIES}


def test_the_default_is_there() -> None:
    assert DEFAULT in STRATEGIES


@pytest.mark.parametrize("count", [0, 1, 7, 30, 1000])
def test_a_batch_of_any_size_holds_as_many_as_there_are(strategy: Strategy, count: int) -> None:
    picks = strategy.choose(drawn_pool(1, size=40, labelled=10), count, seed=0)
    assert len(picks) == len({pick.row for pick in picks}) == min(count, 30)


def test_what_is_labelled_is_never_picked(strategy: Strategy) -> None:
    picks = strategy.choose(drawn_pool(1, size=40, labelled=10), 40, seed=0)
    assert min(pick.row for pick in picks) == 10


def test_what_is_not_allowed_is_never_picked(strategy: Strategy) -> None:
    picks = strategy.choose(drawn_pool(1), 40, seed=0, allowed=lambda row: row % 2 == 0)
    assert sorted(pick.row for pick in picks) == list(range(0, 40, 2))


def test_rows_are_asked_about_only_until_the_batch_is_full(strategy: Strategy) -> None:
    asked: list[int] = []
    strategy.choose(drawn_pool(1), 3, seed=0, allowed=lambda row: bool(asked.append(row)) or True)
    assert len(asked) == 3


def test_equal_seeds_give_equal_picks(strategy: Strategy) -> None:
    assert strategy.choose(drawn_pool(2), 9, seed=4) == strategy.choose(drawn_pool(2), 9, seed=4)


def test_without_a_head_every_strategy_chooses_all_the_same(strategy: Strategy) -> None:
    assert len(strategy.choose(drawn_pool(2, head=False), 9, seed=4)) == 9


def test_with_a_head_of_one_class_every_strategy_chooses_all_the_same(strategy: Strategy) -> None:
    one = drawn_pool(2, head=False)
    alone = pool(one.graph, probabilities=np.ones((40, 1)), uncertain=np.ones(40), vectors=one.vectors)
    assert len(strategy.choose(alone, 9, seed=4)) == 9


def test_an_empty_pool_gives_no_picks(strategy: Strategy) -> None:
    assert strategy.choose(pool(edges(0), vectors=np.zeros((0, 2))), 5, seed=0) == []


@pytest.mark.parametrize("name", ["margin", "entropy", "least-confidence"])
def test_the_least_sure_come_first(name: str) -> None:
    p = np.array([[0.9, 0.1], [0.5, 0.5], [0.7, 0.3]])
    picks = STRATEGIES[name]().choose(pool(edges(3), probabilities=p), 3, seed=0)
    assert [pick.row for pick in picks] == [1, 2, 0]


def test_k_centre_takes_the_farthest_first() -> None:
    line = pool(edges(4), labelled=(0,), vectors=np.array([[0.0], [1.0], [5.0], [3.0]]))
    assert [pick.row for pick in STRATEGIES["k-centre"]().choose(line, 3, seed=0)] == [2, 3, 1]


def test_k_centre_without_vectors_is_refused() -> None:
    with pytest.raises(ValueError, match="vectors"):
        STRATEGIES["k-centre"]().choose(pool(edges(2)), 1, seed=0)


def test_random_draws_every_candidate_about_equally_often() -> None:
    firsts = [STRATEGIES["random"]().choose(pool(edges(4)), 1, seed)[0].row for seed in range(400)]
    assert np.bincount(firsts, minlength=4).min() > 70


@pytest.mark.parametrize("field", ["probabilities", "uncertain", "vectors"])
def test_a_pool_with_numbers_that_are_none_is_refused(field: str) -> None:
    shape = (2,) if field == "uncertain" else (2, 2)
    with pytest.raises(ValueError, match="finite"):
        pool(edges(2), **{field: np.full(shape, np.nan)})  # type: ignore[arg-type]


def test_a_pool_whose_arrays_do_not_fit_its_keys_is_refused() -> None:
    with pytest.raises(ValueError, match="one row for each"):
        pool(edges(3), uncertain=np.ones(2))

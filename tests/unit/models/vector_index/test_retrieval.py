import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.vector_index.points import WORDS
from models.vector_index.port import IndexQuery
from models.vector_index.retrieval import fused, rankings_of
from tests.contract.vector_index import EAST, SPACE, direction

rankings = st.lists(st.lists(st.integers(0, 9), unique=True), min_size=1, max_size=3)


def test_what_both_rankings_find_comes_before_what_one_finds() -> None:
    assert list(fused([(1.0, ["a", "b"]), (1.0, ["c", "b"])], 60)) == ["b", "a", "c"]


def test_a_score_is_the_sum_of_weighted_reciprocal_ranks() -> None:
    assert fused([(2.0, ["a"]), (0.5, ["b", "a"])], 60) == pytest.approx({"a": 2 / 61 + 0.5 / 62, "b": 0.5 / 61})


@given(rankings)
def test_fusing_loses_and_invents_nothing(drawn: list[list[int]]) -> None:
    assert set(fused([(1.0, ranking) for ranking in drawn], 60)) == {one for ranking in drawn for one in ranking}


@given(st.lists(st.integers(), unique=True), st.integers(1, 1000))
def test_a_ranking_alone_keeps_its_order(ranking: list[int], rank_constant: int) -> None:
    assert list(fused([(0.3, ranking)], rank_constant)) == ranking


@given(rankings, st.floats(0.1, 10))
def test_only_the_proportion_of_weights_matters(drawn: list[list[int]], factor: float) -> None:
    weights = [1.0, 0.7, 0.31]
    plain = fused(zip(weights, drawn, strict=False), 60)
    scaled = fused([(factor * weight, ranking) for weight, ranking in zip(weights, drawn, strict=False)], 60)
    assert scaled == pytest.approx({one: factor * score for one, score in plain.items()})


def test_a_weight_of_zero_asks_nothing_of_the_engine() -> None:
    query = IndexQuery("t", SPACE, 10, vector=direction(*EAST), text="mill", vector_weight=0)
    assert [asked.using for asked in rankings_of(query, {f"v-{SPACE}"})] == [WORDS]


def test_a_text_without_words_asks_nothing_of_the_engine() -> None:
    assert rankings_of(IndexQuery("t", SPACE, 10, text="?!"), set()) == []

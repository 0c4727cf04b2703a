from typing import Any

import pytest
from pydantic import ValidationError

from models.serving.request import MAX_QUERY_CHARACTERS, SearchRequest
from schemas.items import Modality
from schemas.searches import SearchFilters


def request(**fields: Any) -> SearchRequest:
    return SearchRequest.model_validate({"query": {"text": "mill"}, **fields})


def test_a_text_is_all_that_a_search_needs() -> None:
    asked = request()
    assert (asked.k, asked.hybrid.bm25_weight, asked.hybrid.vector_weight, asked.rerank.enabled) == (10, 1, 1, False)
    assert asked.filters.facts() == SearchFilters()


def test_the_documented_shape_is_understood() -> None:
    asked = SearchRequest.model_validate_json(
        """{"query": {"modality": "text", "text": " a mill "},
            "filters": {"modality": "image", "language": ["en", "de"], "source": "zoo", "tags": ["a"],
                        "nsfw_flag": false},
            "k": 5, "hybrid": {"bm25_weight": 0.3, "vector_weight": 0.7}, "rerank": {"enabled": true, "top_k": 20}}"""
    )
    assert asked.query.text == "a mill"
    assert asked.filters.facts() == SearchFilters(
        modality=(Modality.IMAGE,), language=("en", "de"), source=("zoo",), tags=("a",), nsfw_flag=False
    )


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"query": {"text": "   "}}, "query.text"),
        ({"query": {"text": "x" * (MAX_QUERY_CHARACTERS + 1)}}, "query.text"),
        ({"query": {"text": "x", "modality": "image"}}, "query.modality"),
        ({"query": {}}, "query.text"),
        ({"k": 0}, "k"),
        ({"k": 101}, "k"),
        ({"filters": {"lang": ["en"]}}, "filters.lang"),
        ({"filters": {"modality": ["smell"]}}, "filters.modality.0"),
        ({"hybrid": {"bm25_weight": -1}}, "hybrid.bm25_weight"),
        ({"hybrid": {"bm25_weight": float("nan")}}, "hybrid.bm25_weight"),
        ({"hybrid": {"bm25_weight": 0, "vector_weight": 0}}, "hybrid"),
        ({"rerank": {"top_k": 0}}, "rerank.top_k"),
        ({"limit": 3}, "limit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_told_with_its_place(fields: dict[str, Any], place: str) -> None:
    with pytest.raises(ValidationError) as refused:
        request(**fields)
    assert ".".join(map(str, refused.value.errors()[0]["loc"])) == place


def test_a_rerank_covers_all_that_is_shown() -> None:
    with pytest.raises(ValidationError, match="at least k"):
        request(k=30, rerank={"enabled": True, "top_k": 20})
    assert request(k=30, rerank={"enabled": False, "top_k": 20}).k == 30

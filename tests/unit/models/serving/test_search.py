import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Vectors
from models.serving.config import ExplorationConfig, Method, SearchConfig
from models.serving.request import SearchRequest
from models.serving.search import SearchService
from models.vector_index.port import Content, Entry, Part, VectorIndex
from schemas.items import Modality
from streams.codec import decode, encode
from streams.record import Record
from streams.topics import SEARCHES
from tests.contract.local_index import local_index

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
ENCODER = HashingEncoder(EncoderConfig())
TEXTS = {
    "mill": "the old mill by the river",
    "river": "a river runs to the sea",
    "kafka": "a log of records in order",
}


class Counting(HashingEncoder):
    """Remembers what it was asked to encode."""

    def __init__(self) -> None:
        super().__init__(EncoderConfig())
        self.asked: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return super().encode_texts(texts)


class Ticking:
    """A clock that is 40 ms later at every look."""

    def __init__(self) -> None:
        self._looks = count()

    def monotonic(self) -> float:
        return next(self._looks) * 0.040

    def time(self) -> float:
        return NOW.timestamp()

    def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)


def entry(item_id: str, text: str, version: int = 1, **fields: Any) -> Entry:
    [vector] = ENCODER.encode_texts([text])
    untrained = fields.pop("untrained", False)
    parts = (Part(Modality.TEXT, vector.astype("<f4").tobytes(), text, untrained),)
    return Entry(
        "default",
        item_id,
        version,
        Content(**{"modality": Modality.TEXT, **fields}, model_version=ENCODER.version, parts=parts),
    )


@pytest.fixture
def index() -> Iterator[VectorIndex]:
    index = local_index()
    index.ensure_space(ENCODER.version, ENCODER.dim)
    index.apply([entry(item_id, text) for item_id, text in TEXTS.items()])
    yield index
    index.close()


def request(text: str, **fields: Any) -> SearchRequest:
    return SearchRequest.model_validate({"query": {"text": text}, **fields})


def test_the_best_item_comes_first_with_all_that_is_known_of_it(index: VectorIndex) -> None:
    index.apply([entry("dog", "a dog", 7, modality=Modality.IMAGE, uri="media/ab/cd", source="zoo", tags=("a",))])
    best = SearchService(ENCODER, index).search(request("a dog")).answer.results[0]
    assert (best.id, best.version, best.position, best.modality) == ("dog", 7, 1, Modality.IMAGE)
    assert (best.uri, best.text, best.source, best.tags) == ("media/ab/cd", "a dog", "zoo", ("a",))


def test_the_answer_names_its_versions_and_the_fact_of_it(index: VectorIndex) -> None:
    served = SearchService(ENCODER, index, clock=Ticking()).search(request("mill"))
    assert served.answer.impression_id == served.fact.event_id
    assert (served.answer.model_version, served.answer.generation) == (ENCODER.version, 0)
    assert (served.answer.served_at, served.answer.policy) == (NOW, "hybrid-rrf")
    assert served.answer.latency_ms == pytest.approx(40)


def test_the_fact_tells_what_was_asked_and_every_hit_with_its_position(index: VectorIndex) -> None:
    served = SearchService(ENCODER, index).search(request("river", k=2, filters={"tags": []}), "default")
    assert (served.fact.query_text, served.fact.k, served.fact.tenant) == ("river", 2, "default")
    assert [(hit.item_id, hit.position, hit.score, hit.version) for hit in served.fact.hits] == [
        (result.id, result.position, result.score, result.version) for result in served.answer.results
    ]
    assert [hit.position for hit in served.fact.hits] == [1, 2]
    assert {hit.propensity for hit in served.fact.hits} == {1.0}


def test_the_fact_survives_the_log(index: VectorIndex) -> None:
    fact = SearchService(ENCODER, index).search(request("mill", filters={"language": "en"})).fact
    written = encode(fact, "millrace/serving")
    record = Record("searches", 0, 0, written.key, written.value, written.headers)
    assert decode(record, SEARCHES.events) == fact


def test_a_search_continues_the_trace_of_its_request(index: VectorIndex) -> None:
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    assert (
        SearchService(ENCODER, index).search(request("mill"), traceparent=traceparent).fact.traceparent == traceparent
    )


def test_two_answers_are_two_impressions(index: VectorIndex) -> None:
    service = SearchService(ENCODER, index)
    assert len({service.search(request("mill")).fact.event_id for _ in range(2)}) == 2


def test_a_tenant_without_items_gets_an_empty_answer(index: VectorIndex) -> None:
    served = SearchService(ENCODER, index).search(request("mill"), "other")
    assert (served.answer.results, served.fact.hits, served.fact.tenant) == ((), (), "other")


def test_a_withdrawn_item_is_in_no_answer(index: VectorIndex) -> None:
    index.apply([Entry("default", "mill", 2, None)])
    assert "mill" not in [
        result.id for result in SearchService(ENCODER, index).search(request("old mill")).answer.results
    ]


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ({}, "hybrid-rrf"),
        ({"hybrid": {"bm25_weight": 0}}, "vector"),
        ({"hybrid": {"vector_weight": 0}}, "bm25"),
        ({"rerank": {"enabled": True}}, "hybrid-rrf+cosine"),
        ({"hybrid": {"vector_weight": 0}, "rerank": {"enabled": True}}, "bm25+cosine"),
    ],
)
def test_the_policy_names_the_ranking_that_was_used(index: VectorIndex, fields: dict[str, Any], policy: str) -> None:
    assert SearchService(ENCODER, index).search(request("river", **fields)).fact.policy == policy


def test_words_alone_find_only_what_has_them(index: VectorIndex) -> None:
    served = SearchService(ENCODER, index).search(request("log", hybrid={"vector_weight": 0}))
    assert [result.id for result in served.answer.results] == ["kafka"]


def test_a_search_by_words_alone_asks_nothing_of_the_encoder(index: VectorIndex) -> None:
    encoder = Counting()
    SearchService(encoder, index).search(request("log", hybrid={"vector_weight": 0}))
    assert encoder.asked == []


def test_a_rerank_scores_by_the_cosine_to_the_query(index: VectorIndex) -> None:
    index.apply([entry("raw", "the old mill by the river", untrained=True)])
    asked = request("the old mill by the river", k=4, rerank={"enabled": True})
    results = SearchService(ENCODER, index).search(asked).answer.results
    assert results[0].id == "mill"
    assert results[0].score == pytest.approx(1.0)
    assert (results[-1].id, results[-1].score) == ("raw", -1.0)


def test_a_rerank_shows_no_more_than_asked_for(index: VectorIndex) -> None:
    asked = request("river", k=1, rerank={"enabled": True, "top_k": 3})
    assert len(SearchService(ENCODER, index).search(asked).answer.results) == 1


def test_a_query_that_comes_again_is_not_encoded_again(index: VectorIndex) -> None:
    encoder = Counting()
    service = SearchService(encoder, index, SearchConfig(query_cache=2))
    for text in ("one", "two", "one", "three", "two"):
        service.search(request(text))
    assert encoder.asked == ["one", "two", "three", "two"]


def test_chance_moves_hits_and_the_fact_tells_how_probable_each_was(index: VectorIndex) -> None:
    exploration = ExplorationConfig(method=Method.SWAP, epsilon=1.0, depth=2)
    plain = SearchService(ENCODER, index).search(request("river"))
    moved = SearchService(ENCODER, index, SearchConfig(exploration=exploration)).search(request("river"))
    ids = [result.id for result in plain.answer.results]
    assert [result.id for result in moved.answer.results] == [ids[1], ids[0], *ids[2:]]
    assert moved.answer.policy == "hybrid-rrf+swap"
    assert [hit.propensity for hit in moved.fact.hits] == [1.0] * len(ids)
    assert [hit.item_id for hit in moved.fact.hits] == [result.id for result in moved.answer.results]


def test_a_hit_that_stayed_where_chance_might_have_moved_it_is_less_than_certain(index: VectorIndex) -> None:
    exploration = ExplorationConfig(method=Method.SWAP, epsilon=0.5, depth=2)
    service = SearchService(ENCODER, index, SearchConfig(exploration=exploration), chance=random.Random(3))
    hits = service.search(request("river")).fact.hits
    assert [hit.propensity for hit in hits] == [0.5, 0.5, *[1.0] * (len(hits) - 2)]

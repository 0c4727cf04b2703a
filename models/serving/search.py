"""Search: a question of a person to an answer and the fact that it was given.

The service publishes nothing itself: whoever calls it sends the fact on its way.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.encoders.port import Encoder
from models.serving.config import ExplorationConfig, SearchConfig
from models.serving.exploration import draw, propensities
from models.serving.request import SearchAnswer, SearchRequest, SearchResult
from models.serving.rerank import by_cosine
from models.vector_index.port import Candidate, IndexQuery, VectorIndex
from schemas.event import new_traceparent
from schemas.searches import Hit, SearchServed
from streams.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class Served:
    """An answer, and the fact to publish on searches.served."""

    answer: SearchAnswer
    fact: SearchServed


class SearchService:
    """Answers searches; may be called from several threads at once."""

    def __init__(
        self,
        encoder: Encoder,
        index: VectorIndex,
        config: SearchConfig | None = None,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._encoder = encoder
        self._index = index
        self._config = config or SearchConfig()
        self._clock = clock or SystemClock()
        self._chance = chance or random.SystemRandom()
        self._vector_of = lru_cache(self._config.query_cache)(self._encoded)

    def search(self, request: SearchRequest, tenant: str = "default", traceparent: str | None = None) -> Served:
        """The answer for a tenant. Raises Unavailable while the index does not answer."""
        began_s = self._clock.monotonic()
        exploration = self._config.exploration
        ranked = self._found(request, tenant)
        order = draw(len(ranked), exploration, self._chance)
        odds = propensities(len(ranked), exploration)
        candidates = [ranked[place] for place in order]
        hits = tuple(
            _hit(ranked[place], position + 1, float(odds[place, position])) for position, place in enumerate(order)
        )
        fact = SearchServed(
            tenant=tenant,
            occurred_at=datetime.fromtimestamp(self._clock.time(), UTC),
            traceparent=traceparent or new_traceparent(),
            query_modality=request.query.modality,
            query_text=request.query.text,
            filters=request.filters.facts(),
            k=request.k,
            hits=hits,
            policy=policy_of(request, exploration),
            model_version=self._encoder.version,
            generation=self._config.generation,
            latency_ms=(self._clock.monotonic() - began_s) * 1000,
        )
        return Served(_answer(fact, candidates), fact)

    def _found(self, request: SearchRequest, tenant: str) -> list[Candidate]:
        hybrid, rerank = request.hybrid, request.rerank
        needs_vector = hybrid.vector_weight > 0 or rerank.enabled
        vector = self._vector_of(request.query.text) if needs_vector else None
        candidates = self._index.search(
            IndexQuery(
                tenant=tenant,
                model_version=self._encoder.version,
                limit=rerank.top_k if rerank.enabled else request.k,
                vector=vector if hybrid.vector_weight > 0 else None,
                text=request.query.text if hybrid.bm25_weight > 0 else None,
                vector_weight=hybrid.vector_weight,
                keyword_weight=hybrid.bm25_weight,
                filters=request.filters.facts(),
                with_vectors=rerank.enabled,
            )
        )
        if rerank.enabled and vector is not None:
            candidates = by_cosine(vector, candidates)
        return candidates[: request.k]

    def _encoded(self, text: str) -> NDArray[np.float32]:
        vectors: list[NDArray[np.float32]] = list(self._encoder.encode_texts([text]))
        return vectors[0]


def policy_of(request: SearchRequest, exploration: ExplorationConfig | None = None) -> str:
    """Name of the ranking that a request gets: how it ranks, whether it reranks, and what chance has a part in it."""
    hybrid = request.hybrid
    if hybrid.bm25_weight == 0:
        ranking = "vector"
    elif hybrid.vector_weight == 0:
        ranking = "bm25"
    else:
        ranking = "hybrid-rrf"
    if request.rerank.enabled:
        ranking += "+cosine"
    return f"{ranking}+{exploration.method}" if exploration is not None and exploration.active else ranking


def _hit(candidate: Candidate, position: int, propensity: float) -> Hit:
    return Hit(
        item_id=candidate.item_id,
        version=candidate.version,
        position=position,
        score=candidate.score,
        propensity=propensity,
    )


def _answer(fact: SearchServed, candidates: list[Candidate]) -> SearchAnswer:
    results = tuple(_result(one, position) for position, one in enumerate(candidates, start=1))
    return SearchAnswer(
        results=results,
        impression_id=fact.event_id,
        policy=fact.policy,
        model_version=fact.model_version,
        generation=fact.generation,
        served_at=fact.occurred_at,
        latency_ms=fact.latency_ms,
    )


def _result(candidate: Candidate, position: int) -> SearchResult:
    return SearchResult(
        id=candidate.item_id,
        version=candidate.version,
        position=position,
        score=candidate.score,
        modality=candidate.modality,
        uri=candidate.uri,
        text=candidate.text,
        source=candidate.source,
        language=candidate.language,
        tags=candidate.tags,
        nsfw_flag=candidate.nsfw_flag,
    )

"""Search: a question of a person to an answer and the fact that it was given.

The service publishes nothing itself: whoever calls it sends the fact on its way.
"""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from models.encoders.port import Encoder
from models.serving.config import ExplorationConfig, SearchConfig
from models.serving.exploration import draw, propensities
from models.serving.live.arms import Arm
from models.serving.live.encoders import LiveEncoders, Turn
from models.serving.live.questions import FAULTS
from models.serving.request import SearchAnswer, SearchRequest, SearchResult
from models.serving.rerank import by_cosine
from models.vector_index.port import Candidate, IndexQuery, VectorIndex
from schemas.event import new_traceparent
from schemas.searches import Hit, SearchServed
from streams.clock import Clock, SystemClock

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Served:
    """An answer, and the facts to publish on searches.served."""

    answer: SearchAnswer
    fact: SearchServed
    failed: tuple[SearchServed, ...] = ()
    """Of arms that should have answered and could not."""


class SearchService:
    """Answers searches; may be called from several threads at once.

    One search works with one turn, and so with one generation, one encoder and one space, to its end.
    """

    def __init__(
        self,
        live: LiveEncoders | Encoder,
        index: VectorIndex,
        config: SearchConfig | None = None,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._config = config or SearchConfig()
        self.live = live if isinstance(live, LiveEncoders) else LiveEncoders.of(live, self._config)
        """A single encoder serves for ever, as generation 0."""
        self._index = index
        self._clock = clock or SystemClock()
        self._chance = chance or random.SystemRandom()

    def search(self, request: SearchRequest, tenant: str = "default", traceparent: str | None = None) -> Served:
        """The answer for a tenant. Raises Unavailable while the index does not answer."""
        missed: list[Missed] = []
        for turn in self.live.turns(self._chance.random):
            asked = Asked(request, tenant, traceparent or new_traceparent(), self._clock.monotonic())
            try:
                served = self._served(asked, turn)
            except FAULTS as error:
                missed.append(Missed(turn, self._since_ms(asked.began_s), error))
            else:
                return replace(served, failed=tuple(_failed(served.fact, one) for one in missed))
        raise next(one.error for one in missed if one.turn.arm is Arm.LIVE)

    def _served(self, asked: "Asked", turn: Turn) -> Served:
        request, exploration = asked.request, self._config.exploration
        ranked = self._found(request, asked.tenant, turn)
        order = draw(len(ranked), exploration, self._chance)
        odds = propensities(len(ranked), exploration)
        candidates = [ranked[place] for place in order]
        hits = tuple(
            _hit(ranked[place], position + 1, float(odds[place, position])) for position, place in enumerate(order)
        )
        fact = SearchServed(
            tenant=asked.tenant,
            occurred_at=datetime.fromtimestamp(self._clock.time(), UTC),
            traceparent=asked.traceparent,
            query_modality=request.query.modality,
            query_text=request.query.text,
            filters=request.filters.facts(),
            k=request.k,
            hits=hits,
            policy=policy_of(request, exploration),
            model_version=turn.encoder.version,
            generation=turn.generation,
            latency_ms=self._since_ms(asked.began_s),
            arm=turn.arm,
        )
        return Served(_answer(fact, candidates), fact)

    def _found(self, request: SearchRequest, tenant: str, turn: Turn) -> list[Candidate]:
        hybrid, rerank = request.hybrid, request.rerank
        needs_vector = hybrid.vector_weight > 0 or rerank.enabled
        vector = turn.questions.vector(request.query.text) if needs_vector else None
        candidates = self._index.search(
            IndexQuery(
                tenant=tenant,
                model_version=turn.encoder.version,
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

    def _since_ms(self, began_s: float) -> float:
        return (self._clock.monotonic() - began_s) * 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, whose it is, and when an arm began to answer it."""

    request: SearchRequest
    tenant: str
    traceparent: str
    began_s: float


@dataclass(frozen=True, slots=True)
class Missed:
    """An arm that could not answer, how long it took to fail, and why it did."""

    turn: Turn
    latency_ms: float
    error: Exception


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


def _failed(answered: SearchServed, missed: Missed) -> SearchServed:
    """That an arm should have given this answer and could not; it follows the fact of the arm that did."""
    turn = missed.turn
    logger.warning("another arm answered", arm=turn.arm, version=turn.encoder.version, reason=str(missed.error))
    said = {name: getattr(answered, name) for name in ("tenant", "query_modality", "query_text", "filters", "k")}
    return SearchServed.following(
        answered,
        part=turn.arm,
        **said,
        occurred_at=answered.occurred_at,
        hits=(),
        policy=answered.policy,
        model_version=turn.encoder.version,
        generation=turn.generation,
        latency_ms=missed.latency_ms,
        arm=turn.arm,
        outcome="failed",
    )


def _answer(fact: SearchServed, candidates: list[Candidate]) -> SearchAnswer:
    results = tuple(_result(one, position) for position, one in enumerate(candidates, start=1))
    return SearchAnswer(
        results=results,
        impression_id=fact.event_id,
        policy=fact.policy,
        model_version=fact.model_version,
        generation=fact.generation,
        arm=Arm(fact.arm),
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

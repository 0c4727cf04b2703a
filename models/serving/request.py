"""What a search asks and what it answers: the shapes on the wire of `POST /v1/retrieval/search`.

Unknown fields are errors here, so that a misspelt filter is told rather than ignored.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from models.serving.live.arms import Arm
from schemas.items import Modality, Version
from schemas.searches import SearchFilters

MAX_QUERY_CHARACTERS = 2_000
MAX_RESULTS = 100

Weight = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


def _one_or_many(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], BeforeValidator(_one_or_many), Field(max_length=100)]
Modalities = Annotated[tuple[Modality, ...], BeforeValidator(_one_or_many), Field(max_length=len(Modality))]


class Wire(BaseModel):
    """Frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class QueryText(Wire):
    """What is looked for."""

    modality: Literal[Modality.TEXT] = Modality.TEXT
    """Queries are texts; what they find may be of any modality."""
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_QUERY_CHARACTERS)]


class FilterRequest(Wire):
    """An empty filter matches everything; values within one field are alternatives, fields add up."""

    modality: Modalities = ()
    """Of the item: a picture found by its caption is an image."""
    language: Words = ()
    source: Words = ()
    tags: Words = ()
    nsfw_flag: bool | None = None
    """False keeps items judged unsafe out, and keeps unjudged ones; true asks for unsafe ones only."""

    def facts(self) -> SearchFilters:
        return SearchFilters.model_validate(self.model_dump())


class Hybrid(Wire):
    """Influence of the two rankings on the fused one, relative to each other."""

    bm25_weight: Weight = 1.0
    vector_weight: Weight = 1.0

    @model_validator(mode="after")
    def _something_to_rank_by(self) -> "Hybrid":
        if self.bm25_weight == 0 and self.vector_weight == 0:
            raise ValueError("bm25_weight and vector_weight cannot both be 0")
        return self


class Rerank(Wire):
    """Order the best `top_k` of the fused ranking anew, by the exact cosine between query and item.

    What has no vector that means anything was found by its words alone and goes to the end, with score -1.
    """

    enabled: bool = False
    top_k: Annotated[int, Field(ge=1, le=MAX_RESULTS)] = 50


class SearchRequest(Wire):
    """A search. Only `query.text` is required."""

    query: QueryText
    filters: FilterRequest = FilterRequest()
    k: Annotated[int, Field(ge=1, le=MAX_RESULTS)] = 10
    """Results wanted."""
    hybrid: Hybrid = Hybrid()
    rerank: Rerank = Rerank()

    @model_validator(mode="after")
    def _reranks_all_that_it_shows(self) -> "SearchRequest":
        if self.rerank.enabled and self.rerank.top_k < self.k:
            raise ValueError("rerank.top_k must be at least k, so that all results are ordered by one measure")
        return self


class SearchResult(Wire):
    """One item that was found."""

    id: str
    version: Version
    """The version of the item that was found."""
    position: Annotated[int, Field(ge=1)]
    """1 is the top."""
    score: float
    """Of the final ranking, before chance moved anything; comparable within one answer only."""
    modality: Modality
    uri: str | None
    """Where the medium lies in the object store; None for a text."""
    media_url: str | None = None
    """Path and query under this API's address that give the medium to a browser, for a while; None without one."""
    text: str | None
    """The beginning of the words that were found, if there are any."""
    source: str
    language: str | None
    tags: tuple[str, ...]
    nsfw_flag: bool | None


class SearchAnswer(Wire):
    """The results, and which versions made them."""

    results: tuple[SearchResult, ...]
    impression_id: UUID
    """Feedback about this answer names it."""
    policy: str
    """The ranking that chose the results: `hybrid-rrf`, `vector` or `bm25`, with `+cosine` if reranked, and `+swap` or
    `+plackett-luce` if chance has a part in it."""
    model_version: str
    """Encoder version of the query and of every vector that was compared with it."""
    generation: int
    """Release generation in effect."""
    arm: Arm = Arm.LIVE
    """`live`; while a release is under way a share of the answers is given by its `candidate` or by the `previous`
    model, drawn by lot."""
    served_at: datetime
    latency_ms: float

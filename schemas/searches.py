"""Facts about use: what a search answered, and what people made of the answer."""

from enum import StrEnum
from uuid import UUID

from pydantic import Field, NonNegativeFloat

from schemas.event import Count, Event, Fact, Name, PositiveCount, Probability, Word
from schemas.items import Modality, Version


class SearchFilters(Fact):
    """An empty filter matches everything; values within one field are alternatives, fields add up."""

    modality: tuple[Modality, ...] = ()
    language: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    nsfw_flag: bool | None = None
    """False keeps items judged unsafe out, and keeps unjudged ones; True asks for unsafe ones only."""


class Hit(Fact):
    """One result as it was shown."""

    item_id: Name
    version: Version
    position: PositiveCount
    """1 is the top."""
    score: float
    """Of the fused ranking; comparable within one answer only."""
    propensity: Probability
    """Probability with which the policy shows this item at this position; 1 for a deterministic ranking."""


class SearchServed(Event):
    """An answer was given. Its event id is the impression that feedback names."""

    tenant: Name = "default"
    query_modality: Modality = Modality.TEXT
    query_text: str
    filters: SearchFilters = SearchFilters()
    k: PositiveCount
    hits: tuple[Hit, ...]
    policy: Name
    """The ranking that chose the hits, such as `hybrid-rrf`."""
    model_version: Name
    """Encoder version of the query and of every vector in the answer."""
    generation: Count = 0
    """Release generation that served."""
    latency_ms: NonNegativeFloat
    arm: Word = "live"
    """`live`; `candidate` for the canary share of a rollout; `previous` for the share kept back after a switch."""
    outcome: Word = "answered"
    """`answered`; `failed` where this arm could not answer and another did in its place: `hits` is empty."""


class FeedbackKind(StrEnum):
    CLICK = "click"
    DWELL = "dwell"
    RATING = "rating"
    RELEVANCE = "relevance"
    CORRECTION = "correction"
    NO_RESULT = "no_result"
    SAFETY = "safety"


class FeedbackGiven(Event):
    """A person reacted to an answer."""

    tenant: Name = "default"
    impression_id: UUID
    """Event id of the SearchServed that was reacted to."""
    kind: Word
    """One of FeedbackKind, or of a newer list."""
    item_id: Name | None = None
    """None where the feedback is about the whole answer."""
    value: float | None = None
    """Seconds for dwell, 1 to 5 for rating, 0 to 1 for relevance."""
    text: str | None = Field(default=None, max_length=10_000)
    """The correction or complaint in words."""
    consent: bool
    """The person agreed that this feedback may be used for training."""

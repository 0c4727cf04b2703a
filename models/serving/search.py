"""Search: a question of a person to an answer and the fact that it was given.

The service publishes nothing itself: whoever calls it sends the fact on its way.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from models.encoders.port import Encoder
from models.serving.request import SearchAnswer, SearchRequest
from models.vector_index.port import VectorIndex
from schemas.searches import SearchServed
from streams.clock import Clock, SystemClock


class SearchConfig(BaseModel):
    """How searches are answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query_cache: int = Field(default=1024, ge=1, le=1_000_000)
    """Encoded queries that are kept; a repeated query skips the encoder."""
    generation: int = Field(default=0, ge=0)
    """Release generation that serves; 0 before the first release."""


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
        config: SearchConfig = SearchConfig(),
        clock: Clock | None = None,
    ) -> None:
        self._encoder = encoder
        self._index = index
        self._config = config
        self._clock = clock or SystemClock()

    def search(self, request: SearchRequest, tenant: str = "default", traceparent: str | None = None) -> Served:
        """The answer for a tenant. Raises Unavailable while the index does not answer."""
        raise NotImplementedError

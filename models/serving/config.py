"""Settings of search."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Method(StrEnum):
    NONE = "none"
    SWAP = "swap"
    PLACKETT_LUCE = "plackett-luce"


class ExplorationConfig(BaseModel):
    """How much chance there is in the ranking."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = Method.NONE
    """`none`, `swap` (neighbours exchange places) or `plackett-luce` (the top is drawn)."""
    epsilon: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of answers that are left to chance."""
    depth: Annotated[int, Field(ge=2, le=10)] = 5
    """Chance touches this many results at the top; below, the order stays."""

    @property
    def active(self) -> bool:
        return self.method is not Method.NONE and self.epsilon > 0


class SearchConfig(BaseModel):
    """How searches are answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query_cache: int = Field(default=1024, ge=1, le=1_000_000)
    """Encoded queries that are kept; a repeated query skips the encoder."""
    generation: int = Field(default=0, ge=0)
    """Release generation that serves; 0 before the first release."""
    exploration: ExplorationConfig = ExplorationConfig()
    """Chance in the ranking, so that logs can tell what another ranking would earn. Off unless set."""

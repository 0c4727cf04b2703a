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
    """Encoded queries that are kept of each encoder; a repeated query skips it."""
    switch_lag_s: float = Field(default=60.0, ge=0, le=3600)
    """How long the former generation may go on answering where the encoder of a new one is not loaded yet."""
    load_again_s: float = Field(default=10.0, gt=0, le=3600)
    """An encoder that could not be loaded is tried again after this long."""
    exploration: ExplorationConfig = ExplorationConfig()
    """Chance in the ranking, so that logs can tell what another ranking would earn. Off unless set."""

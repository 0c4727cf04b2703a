"""Settings of search."""

from pydantic import BaseModel, ConfigDict, Field


class SearchConfig(BaseModel):
    """How searches are answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    query_cache: int = Field(default=1024, ge=1, le=1_000_000)
    """Encoded queries that are kept; a repeated query skips the encoder."""
    generation: int = Field(default=0, ge=0)
    """Release generation that serves; 0 before the first release."""

"""Settings of scoring."""

from pydantic import BaseModel, ConfigDict


class ScoringConfig(BaseModel):
    """How items are scored."""

    model_config = ConfigDict(frozen=True, extra="forbid")

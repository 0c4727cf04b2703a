"""Settings of selection."""

from pydantic import BaseModel, ConfigDict


class SelectionConfig(BaseModel):
    """How much is asked, and of what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

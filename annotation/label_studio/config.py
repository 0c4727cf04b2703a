"""Settings of the Label Studio bridge."""

from pydantic import BaseModel, ConfigDict


class LabelStudioConfig(BaseModel):
    """Where Label Studio is, and how it is spoken to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

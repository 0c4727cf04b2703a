"""Settings of label quality."""

from pydantic import BaseModel, ConfigDict


class QualityConfig(BaseModel):
    """When answers count as a label."""

    model_config = ConfigDict(frozen=True, extra="forbid")

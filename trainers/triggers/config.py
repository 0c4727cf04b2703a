"""When training is asked for."""

from pydantic import BaseModel, ConfigDict


class TriggersConfig(BaseModel):
    """Thresholds, windows and cool-down of each cause."""

    model_config = ConfigDict(frozen=True, extra="forbid")

"""What a candidate must show."""

from pydantic import BaseModel, ConfigDict


class GateConfig(BaseModel):
    """Margins, error rates and bounds of the gate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

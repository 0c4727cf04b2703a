"""How a candidate takes over."""

from pydantic import BaseModel, ConfigDict


class RolloutConfig(BaseModel):
    """Rates, shares, guardrails and waits of a rollout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

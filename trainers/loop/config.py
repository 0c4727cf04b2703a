"""How training runs."""

from pydantic import BaseModel, ConfigDict


class TrainingConfig(BaseModel):
    """Ranks, checkpoints, leases."""

    model_config = ConfigDict(frozen=True, extra="forbid")

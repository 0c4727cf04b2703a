"""How data sets are frozen."""

from pydantic import BaseModel, ConfigDict


class SnapshotConfig(BaseModel):
    """Bounds and shares of a snapshot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

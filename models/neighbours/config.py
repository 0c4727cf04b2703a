"""How far the neighbour graph looks."""

from pydantic import BaseModel, ConfigDict, Field


class NeighbourConfig(BaseModel):
    """Half and twice as many neighbours gave the same results within noise: nothing here needs tuning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    neighbours: int = Field(default=15, ge=2, le=255)
    """Nearest items that an item keeps."""
    scaling_neighbour: int = Field(default=7, ge=1, le=255)
    """Similarity is measured against the distance to this neighbour, so that thin regions count like dense ones."""
    copy_distance: float = Field(default=1e-6, ge=0, le=0.1)
    """Items this near (squared distance) are copies and share one place in the graph."""

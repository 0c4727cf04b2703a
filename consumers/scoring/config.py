"""Settings of scoring."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from models.heads.config import HeadConfig


class ScoringConfig(BaseModel):
    """How items are scored, and how heads learn from labels."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    neighbours: int = Field(default=15, ge=2, le=100)
    """Nearest items that density, the neighbour graph and selection go by."""
    neighbours_from: Literal["pool", "index"] = "pool"
    """Where neighbours are looked for: among the items in memory, exactly, or in the whole index, as its engine does.
    Until the pool is filled after a start it is the index."""
    pool_items: int = Field(default=20_000, ge=1_000, le=5_000_000)
    """Items of a tenant that are kept in memory to be scored again; the oldest without a label go first."""
    signal_weight: float = Field(default=0.5, ge=0, le=1)
    """How far the strongest feedback signal lifts an acquisition towards 1."""
    refit_every: int | None = Field(default=None, ge=1)
    """New labels after which a head is fitted again; None: one in twenty of those there are."""
    refit_interval_s: float = Field(default=5.0, ge=0, le=86_400)
    """Shortest time between two fits of a head."""
    refit_share: float = Field(default=0.1, gt=0, le=1)
    """A head that takes long to fit waits longer for its next fit: at most this share of the time goes into fitting."""
    trial_labels: int = Field(default=20, ge=5, le=10_000)
    """New labels on which temperature and gate are judged, by heads that had not seen them."""
    rescore_budget: int = Field(default=2_000, ge=0, le=1_000_000)
    """Items that are scored again after a fit, at most."""
    rescore_slice: int = Field(default=128, ge=1, le=10_000)
    """Of them, how many at once: what arrives meanwhile waits for a slice, not for the whole budget."""
    worth_telling: float = Field(default=0.02, ge=0, le=1)
    """A score is told again only if its acquisition or its margin changed by more."""
    walk_items: int = Field(default=1_000, ge=1, le=100_000)
    """Items that one step of the walk over the index takes up after a start."""
    propagation: bool = True
    """Labels spread over the neighbour graph take part in pre-labels, as long as they do better than the head alone."""
    kept_heads: int = Field(default=5, ge=1, le=1_000)
    """Revisions of a head that the database keeps."""
    head: HeadConfig = HeadConfig()
    """How a head is fitted."""

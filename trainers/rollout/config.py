"""How a candidate takes over."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from models.registry.config import WRITER_STALE_S
from trainers.rollout.guardrails.config import GuardrailsConfig

Share = Annotated[float, Field(ge=0, le=0.5)]
Seconds = Annotated[float, Field(ge=0, le=2_592_000)]


class RolloutConfig(BaseModel):
    """Shares, waits, bounds and guardrails of a rollout."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    automatic: bool = True
    """A candidate that the gate lets through goes live by itself; otherwise `millrace release` is waited for."""
    look_every_s: Annotated[float, Field(gt=0, le=60)] = 0.25
    """How often it is asked whether the next step is due."""
    settle_s: Annotated[float, Field(ge=WRITER_STALE_S, le=3600)] = 1.5
    """From the beginning of a rollout until older items are embedded anew. Longer than anybody who writes items may
    not know of the rollout: who loses the database goes on for a second with what was known last."""
    prepare_s: Seconds = 600.0
    """Given up if the candidate cannot be served after this long."""
    backfill_s: Seconds = 604_800.0
    """Given up if older items are not embedded anew after this long."""
    verify_every_s: Annotated[float, Field(ge=0, le=3600)] = 0.25
    """Between two comparisons of the spaces, while items are on their way; at least as long as one takes."""
    verify_s: Seconds = 600.0
    """Given up if the spaces still differ after this long."""
    verify_sample: Annotated[int, Field(ge=0, le=10_000)] = 50
    """Items whose nearest neighbours in the new space are looked for exactly and by its index; with 0 the index is
    trusted."""
    verify_nearest: Annotated[int, Field(ge=1, le=100)] = 10
    """Neighbours of each."""
    verify_recall: Annotated[float, Field(ge=0, le=1)] = 0.9
    """Of the true neighbours the index must find at least this share."""
    canary_share: Share = 0.1
    """Of the searches that the candidate answers before it serves; 0 leaves the canary out."""
    canary_s: Seconds = 60.0
    """The canary lasts at least this long…"""
    canary_searches: Annotated[int, Field(ge=0, le=10_000_000)] = 100
    """…and until the candidate was given this many searches."""
    canary_limit_s: Seconds = 86_400.0
    """…or this long, where so many do not come."""
    holdback_share: Share = 0.1
    """Of the searches that the previous model still answers after the switch, so that both can be compared."""
    watch_s: Seconds = 600.0
    """So long the previous model's space is kept fresh after the switch, and going back takes seconds."""
    drain_s: Seconds = 6.0
    """From the end of a rollout until the space that lost is removed: searches in it have ended, and nobody writes."""
    guardrails: GuardrailsConfig = GuardrailsConfig()
    """What sends a new model back by itself."""

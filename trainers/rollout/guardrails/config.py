"""When a new model is sent back."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(ge=0, le=86_400)]
Share = Annotated[float, Field(gt=0, lt=1)]


class GuardrailsConfig(BaseModel):
    """What counts as harm, and how sure one must be of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """A model that is not worse is sent back with at most this chance, over a whole rollout and all measures."""
    tolerance: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Shares of harmed searches that differ by no more than this are left alone, however sure the difference is."""
    click_wait_s: Seconds = 30.0
    """An answer without a click by then counts as not clicked. Decided for all answers at that age."""
    slow_quantile: Share = 0.95
    """Of the old model's latencies: where slowness begins to be counted, times `slow_factor`."""
    slow_factor: Annotated[float, Field(ge=1, le=100)] = 2.0
    """An answer is slow if it takes this many times as long as that quantile."""
    slow_at_least_ms: Annotated[float, Field(ge=0, le=600_000)] = 100.0
    """A quicker answer is never slow: the new model has yet to meet the questions that the old one remembers."""
    min_latencies: Annotated[int, Field(ge=1, le=10_000)] = 50
    """Answers of the old model from which the bound of slowness is drawn; until then none counts as slow."""
    margin_s: Seconds = 1.0
    """Searches in the first moments of a canary or of a switch are left out: not everybody knows of it yet."""
    stand_in_s: Seconds = 0.5
    """A search is counted at this age: by then it is known whether its answer stood in for a model that failed."""
    note_every_s: Annotated[float, Field(ge=0.05, le=60)] = 1.0
    """How often the counts are written down, so that a restart goes on from them."""
    max_waiting: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    """Answers that wait for a click, and ids that are remembered against redelivery; beyond it the oldest go."""

"""When training is asked for."""

from typing import Self

from pydantic import Field, JsonValue, PositiveInt, model_validator

from schemas.training import TriggerCause
from streams.errors import Misconfigured
from streams.faust.windowed import Pace
from trainers.recipes.overrides import resolved


class TriggersConfig(Pace):
    """Thresholds, windows and cool-down of each cause."""

    causes: tuple[TriggerCause, ...] = (
        TriggerCause.WITHDRAWAL,
        TriggerCause.REGRESSION,
        TriggerCause.DRIFT,
        TriggerCause.LABELS,
        TriggerCause.SCHEDULE,
    )
    """What may ask by itself, the most urgent first; of several that could, only the first asks. People always may."""
    recipe: str = Field(default="default", min_length=1, max_length=512)
    """Recipe of what is asked for."""
    overrides: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields of the recipe that are set otherwise, nested as the recipe is."""
    window_s: int = Field(default=60, ge=1, le=86_400)
    """Width of the windows in which events are counted; at the end of each it is decided."""
    horizon_s: int = Field(default=7 * 86_400, ge=60, le=90 * 86_400)
    """How far back windows are kept. After a restart so much of the log is read again."""
    cool_down_s: float = Field(default=3600.0, ge=0)
    """After any request nothing asks by itself for so long."""
    labels: PositiveInt = 200
    """New labels that ask for training, at least."""
    labels_share: float = Field(default=0.2, ge=0, le=1)
    """New labels as a share of those that earlier requests knew, at least: a model that knows much needs more."""
    drift_items: PositiveInt = 1_000
    """Items on either side that drift is judged by, at least."""
    drift_inputs: float = Field(default=0.2, gt=0)
    """Population stability index of source, language, modality or length; above 0.2 a change is commonly held large."""
    drift_embeddings: float = Field(default=0.1, gt=0)
    """Squared distance of the means of vectors, as a share of their variance."""
    regression_searches: PositiveInt = 1_000
    """Searches on either side that a regression is judged by, at least."""
    regression_drop: float = Field(default=0.2, gt=0, lt=1)
    """Share of the click rate that must be lost."""
    regression_alpha: float = Field(default=0.001, gt=0, lt=0.5)
    """Chance of seeing such a loss by accident, at most, in one window."""
    schedule_s: float | None = Field(default=None, gt=0)
    """Seconds after any request; None never asks by the clock."""
    withdrawn_items: PositiveInt = 1_000
    """Items deleted since the last request."""
    erased_items: PositiveInt = 1
    """Items erased since the last request: what was learnt from them is to be forgotten."""

    @model_validator(mode="after")
    def _trainable(self) -> Self:
        """What will be asked for some day is refused today."""
        try:
            resolved(self.recipe, self.overrides)
        except Misconfigured as error:
            raise ValueError(str(error)) from error
        return self

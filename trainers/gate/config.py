"""What a candidate must show."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class GateConfig(BaseModel):
    """Margins, error rates and bounds of the gate, and on how much it measures.

    Every measure that is judged lies within 0..1, so one kind of margin serves all of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    alpha: float = Field(default=0.05, ge=0.001, le=0.2)
    """Stated bound on promoting a candidate that is not better, or that harms a slice by its margin."""
    resamples: int = Field(default=2000, ge=2000, le=100_000)
    """Bootstrap resamples behind each bound, and sign flips behind each claim of a gain."""
    least_gain: float = Field(default=0.01, ge=0, lt=1)
    """A primary measure must gain at least this: taking over costs embedding everything anew."""
    min_items: int = Field(default=40, ge=5, le=1_000_000)
    """With fewer items in the primary measure nothing is promoted."""
    margin: float = Field(default=0.075, gt=0, lt=1)
    """How much of the primary measure a candidate may lose where being as good as the live model suffices."""
    min_slice_items: int = Field(default=40, ge=5, le=1_000_000)
    """Slices with fewer items are named, not judged: over 30 items the margin stopped one good candidate in two."""
    slice_margin: float = Field(default=0.1, gt=0, lt=1)
    """How much a slice, or another measure than the primary one, may lose."""
    max_latency_ratio: float = Field(default=1.5, ge=1, le=100)
    """Encoding time of the candidate against that of the live model, at most."""
    as_good_suffices: tuple[str, ...] = ("withdrawal",)
    """Causes of training after which a candidate need not be better, only not worse than the margins allow."""
    approval: bool = False
    """Whether a person must agree before a candidate that passed is released."""
    max_regressions: int = Field(default=20, ge=0, le=500)
    """Items named on which the candidate does worse, the worst first."""
    max_items: int = Field(default=2000, ge=40, le=5000)
    """Items of the evaluation side that are measured; of more a fixed sample by lot."""
    max_head_items: int = Field(default=2000, ge=10, le=100_000)
    """Items of the training side on which the head of a task is fitted; of more a fixed sample by lot."""
    batch_images: int = Field(default=64, ge=1, le=4096)
    """Pictures held in memory at once."""
    latency_rounds: int = Field(default=8, ge=2, le=100)
    """Rounds of candidate, live, live, candidate in which encoding is timed."""
    latency_items: int = Field(default=16, ge=1, le=1000)
    """Items encoded in each part of a round."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of resamples; a verdict names it."""
    look_every_s: float = Field(default=0.5, gt=0, le=3600)
    """Between two looks for evaluations that are asked for."""

    @model_validator(mode="after")
    def _provable(self) -> Self:
        """A harm of the margin that strikes few items, all of each, must not stay unseen more often than stated."""
        for items, margin in ((self.min_items, self.margin), (self.min_slice_items, self.slice_margin)):
            if (1 - margin) ** items > self.alpha:
                raise ValueError(
                    f"{items} items cannot rule out a loss of {margin} with an error of {self.alpha}: "
                    "allow a larger margin or ask for more items"
                )
        return self

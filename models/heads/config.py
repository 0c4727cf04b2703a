"""How a head is fitted."""

from pydantic import BaseModel, ConfigDict, Field


class HeadConfig(BaseModel):
    """The defaults were the same for every data set they were tried on; nothing here needs tuning."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inverse_penalty: float = Field(default=10.0, gt=0, le=1e6)
    """C of the logistic regression: the larger, the closer the head follows its labels."""
    max_steps: int = Field(default=60, ge=1, le=10_000)
    """L-BFGS steps of one fit."""
    ensemble_size: int = Field(default=3, ge=2, le=32)
    """Heads whose disagreement is measured."""
    temperature_items: int = Field(default=5, ge=1, le=10_000)
    """New labels of classes the head knows that it takes to fit its temperature."""

"""What fitting heads does: class probabilities from the vectors of the encoder that serves, in seconds.

Nothing here moves a vector, so steps, batches and adapters mean nothing for it: it is a recipe of another type.
"""

from pydantic import Field

from models.heads.config import HeadConfig
from trainers.recipes.recipe import Part


class HeadRecipe(Part):
    """One way to fit heads. Equal recipes on equal data and encoders give equal heads on the same machine."""

    inverse_penalty: float = Field(default=10.0, gt=0, le=1e6)
    """C of the logistic regression: the larger, the closer a head follows its labels."""
    max_steps: int = Field(default=60, ge=1, le=10_000)
    """L-BFGS steps of one fit."""
    temperature_items: int = Field(default=5, ge=1, le=10_000)
    """Labels that it takes to fit the temperature of a head; with fewer it says its probabilities as they are."""
    folds: int = Field(default=5, ge=2, le=20)
    """Parts of a task's labels, each of which is judged by a head of the others, for the temperature."""
    max_items: int = Field(default=20_000, ge=10, le=500_000)
    """Labelled items that a head is fitted to; of more a fixed sample by lot."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of the lots."""

    def config(self) -> HeadConfig:
        """What a fit goes by."""
        return HeadConfig(
            inverse_penalty=self.inverse_penalty, max_steps=self.max_steps, temperature_items=self.temperature_items
        )

"""Settings of the account of labels saved."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class Score(StrEnum):
    """By what the arms are compared."""

    MACRO_F1 = "macro_f1"
    """Every class counts the same."""
    ACCURACY = "accuracy"
    """Every item counts the same."""


class AccountConfig(BaseModel):
    """How the account is drawn up."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    score: Score = Score.MACRO_F1
    """What the arms have to reach; the other one is in the curves too."""
    min_labels: Annotated[int, Field(ge=10)] = 40
    """With fewer labels in either arm nothing is said; intervals would span everything."""
    folds: Annotated[int, Field(ge=2, le=20)] = 4
    """Parts of the random arm, each tested by heads that the others trained; the active arm is cut alike."""
    points: Annotated[int, Field(ge=3, le=30)] = 6
    """Label counts at which a curve is measured."""
    resamples: Annotated[int, Field(ge=20, le=5000)] = 100
    """Bootstrap resamples behind the interval. Each costs `2 * folds * points` refits."""
    steps: Annotated[int, Field(ge=5, le=1000)] = 30
    """L-BFGS steps of a refit in a resample; each begins where the fit on all labels ended."""
    max_labels: Annotated[int, Field(ge=100)] = 2000
    """Labels of an arm that take part at most: the first of the active arm, a sample of the random one."""
    every_labels: PositiveInt = 25
    """An account is drawn up anew once this many labels have come or changed, and a quarter of them all."""
    look_every_s: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    """Between two looks whether one is due; a look reads two rows a task."""
    rest_s: Annotated[float, Field(ge=0, le=10)] = 0.05
    """Pause after each resample, as the process that draws accounts up answers searches too."""
    seed: int = 0
    """Of folds and resamples."""

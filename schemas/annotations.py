"""Facts about labelling: what the model is unsure of, what people are asked, what they answered."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue, NonNegativeFloat

from schemas.event import Count, Fact, Name, Probability
from schemas.items import ItemFact, Version


class Uncertainty(Fact):
    """How unsure the current head is; each in 0..1, 1 is least sure. None where it was not computed."""

    least_confidence: Probability | None = None
    margin: Probability | None = None
    entropy: Probability | None = None
    disagreement: Probability | None = None


class ItemScored(ItemFact):
    """How much a label of this item would teach. Comparable within one model version only."""

    version: Version
    task: Name
    model_version: Name
    uncertainty: Uncertainty
    density: NonNegativeFloat
    """Mean similarity to the nearest neighbours in the index; a lone outlier is near 0."""
    feedback_signal: NonNegativeFloat = 0.0
    """Evidence from searches and feedback that the model errs here; 0 is none."""
    acquisition: Probability
    """The combined score by which candidates are ranked."""


class Arm(StrEnum):
    ACTIVE = "active"
    """Chosen by the selection strategy."""
    RANDOM = "random"
    """Drawn at random: the unbiased witness."""


class AnnotationRequested(ItemFact):
    """People are asked to label an item for a task."""

    version: Version
    task: Name
    arm: Arm
    strategy: Name
    """The strategy that chose it, such as `graph-herding` or `random`."""
    acquisition: Probability | None = None
    model_version: Name


class AnnotationFact(ItemFact):
    """Any fact about one annotation; `annotation_key` names it across its changes."""

    version: Version
    task: Name
    request_id: UUID
    """Event id of the AnnotationRequested that this answers."""
    annotation_key: Name
    """Identity in the labelling system: project, task and annotation id."""
    revision: Count
    """Rises with every change of the annotation; the highest revision is the truth."""


class AnnotationCompleted(AnnotationFact):
    """A person answered."""

    arm: Arm
    annotator: Name
    result: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=10_000)]
    """The answer in Label Studio's result format."""
    lead_time_s: NonNegativeFloat | None = None


class AnnotationChanged(AnnotationFact):
    """A person changed an earlier answer; `result` replaces it whole."""

    annotator: Name
    result: Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=10_000)]


class AnnotationWithdrawn(AnnotationFact):
    """An answer was taken back."""

"""Facts about labelling: what the model is unsure of, what people are asked, what they answered."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, JsonValue, NonNegativeFloat

from schemas.event import Count, Fact, Name, PositiveCount, Probability, Word
from schemas.items import ItemFact, MediaRef, Modality, Version

Result = Annotated[tuple[dict[str, JsonValue], ...], Field(max_length=10_000)]
"""An answer in Label Studio's result format."""
SHOWN_CHARACTERS = 10_000
"""Of an item's text, as annotators see it."""


class Uncertainty(Fact):
    """How unsure the current head is; each in 0..1, 1 is least sure. None where it was not computed."""

    least_confidence: Probability | None = None
    margin: Probability | None = None
    entropy: Probability | None = None
    disagreement: Probability | None = None


class Prediction(Fact):
    """A class and how probable the current head finds it."""

    label: Name
    probability: Probability


class Neighbour(Fact):
    """An item of the same tenant that lies near in the index."""

    item_id: Name
    distance: NonNegativeFloat
    """Squared distance of the unit vectors, 0 to 4: twice one minus the cosine."""


class Shown(Fact):
    """What annotators see of an item, and what quotas go by; carried along, so that nobody has to look it up."""

    modality: Modality | None = None
    source: str = ""
    language: str | None = None
    text: str | None = Field(default=None, max_length=SHOWN_CHARACTERS)
    """The beginning of the text, or the caption of the medium."""
    media: MediaRef | None = None
    predicted: tuple[Prediction, ...] = ()
    """The most probable classes first; empty before the first head."""


class ItemScored(ItemFact, Shown):
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
    head: Count = 0
    """Labels that the head behind the score had seen; 0 is no head yet. Rises with every rescoring."""
    generation: Count = 0
    """Release generation whose model scored: of two models the later generation's scores count."""
    neighbours: tuple[Neighbour, ...] = ()
    """The nearest first."""


class Arm(StrEnum):
    ACTIVE = "active"
    """Chosen by the selection strategy."""
    RANDOM = "random"
    """Drawn at random: the unbiased witness."""


class Purpose(StrEnum):
    LABEL = "label"
    """The item's label is not known."""
    GOLD = "gold"
    """The right answer is known: it measures the annotator."""
    ADJUDICATION = "adjudication"
    """Annotators disagree: one more is asked."""


class AnnotationRequested(ItemFact, Shown):
    """People are asked to label an item for a task."""

    version: Version
    task: Name
    arm: Arm
    strategy: Name
    """The strategy that chose it, such as `graph-herding` or `random`."""
    acquisition: Probability | None = None
    model_version: Name
    purpose: Word = Purpose.LABEL.value
    """One of Purpose, or of a newer list."""
    annotators: PositiveCount = 1
    """How many different people are to answer, those who did already included."""
    reason: str = ""
    """Why the strategy chose the item, in words."""


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
    result: Result
    lead_time_s: NonNegativeFloat | None = None
    skipped: bool = False
    """The annotator could not or would not answer; `result` is empty."""
    purpose: Word = Purpose.LABEL.value
    """Of the request; one of Purpose, or of a newer list."""
    prelabel: Name | None = None
    """Model version of the prediction that the annotator was shown."""


class AnnotationChanged(AnnotationFact):
    """A person changed an earlier answer; `result` replaces it whole."""

    annotator: Name
    result: Result
    skipped: bool = False
    """The answer was turned into a skip."""


class AnnotationWithdrawn(AnnotationFact):
    """An answer was taken back."""


class LabelFact(ItemFact):
    """What the answers of all annotators of an item come to, for one task. The highest revision is the truth."""

    version: Version
    task: Name
    revision: Count
    """Rises with every answer that changed the outcome."""
    arm: Arm


class LabelSettled(LabelFact):
    """The annotators agree enough: the item has a label."""

    labels: tuple[Name, ...] = ()
    """The classes of a class or multi-label task; empty for other kinds."""
    result: Result = ()
    """The consensus in Label Studio's result format."""
    trust: Probability
    """How far the label can be trusted, by the accuracy of those who gave it; the weight in training."""
    annotators: PositiveCount
    agreement: Probability | None = None
    """Share of agreeing pairs of annotators; None where there is only one."""


class LabelUnsettled(LabelFact):
    """An item that had a label, or was to get one, has none now."""

    reason: Word
    """`withdrawn`: answers were taken back; `disagreement`: it goes to adjudication; `skipped`; `item_withdrawn`."""

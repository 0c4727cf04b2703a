"""Facts about models: why training was asked for, how it went, what came out, what was judged, what went live."""

from enum import StrEnum

from pydantic import Field, NonNegativeFloat

from schemas.event import Count, Event, Fact, Name, PositiveCount, Probability, Sha256, Word


class TriggerCause(StrEnum):
    LABELS = "labels"
    DRIFT = "drift"
    REGRESSION = "regression"
    SCHEDULE = "schedule"
    MANUAL = "manual"
    WITHDRAWAL = "withdrawal"


class TrainingRequested(Event):
    """Somebody or something asked for a new model; one cause each."""

    job_id: Name
    project_id: Name = "default"
    cause: Word
    """One of TriggerCause, or of a newer list."""
    detail: str = ""
    """The measure that pulled the trigger, with its threshold."""
    recipe: Name = "default"
    priority: Count = 0
    """Higher runs first."""


class TrainingProgressed(Event):
    """A running job reports."""

    job_id: Name
    step: Count
    steps: PositiveCount
    loss: float
    items_per_s: NonNegativeFloat


class Artifact(Fact):
    """A file of a trained model."""

    path: Name
    sha256: Sha256
    length: Count
    """Size in bytes."""


class ModelTrained(Event):
    """A candidate exists."""

    job_id: Name
    model_version: Name
    parent_version: Name | None = None
    snapshot_sha256: Sha256
    """Digest of the data set manifest it was trained on."""
    recipe_sha256: Sha256
    """Canonical hash of the recipe with all overrides."""
    artifacts: tuple[Artifact, ...]
    seconds: NonNegativeFloat


class Metric(Fact):
    """One measured quality on one slice of the evaluation set, with its 95% interval."""

    name: Name
    slice: str = "all"
    candidate: float
    live: float | None = None
    low: float | None = None
    high: float | None = None


class ModelEvaluated(Event):
    """The gate's verdict on a candidate, with its reasons."""

    model_version: Name
    live_version: Name | None = None
    metrics: tuple[Metric, ...]
    passed: bool
    reasons: tuple[str, ...]
    seed: Count
    false_promotion_rate: Probability = Field(default=0.05)
    """Stated bound on promoting a candidate that is not better."""


class ReleaseKind(StrEnum):
    RELEASE = "release"
    ROLLBACK = "rollback"


class ModelReleased(Event):
    """A new generation serves: encoder, vector space and head switch together. The topic is compacted."""

    generation: PositiveCount
    model_version: Name
    previous_version: Name | None = None
    kind: ReleaseKind
    reason: str = ""

"""Facts about models: why training was asked for, how it went, what came out, what was judged, what went live."""

from enum import StrEnum

from pydantic import Field, JsonValue, NonNegativeFloat

from schemas.event import Count, Event, Fact, Name, PositiveCount, Probability, Sha256, Word
from schemas.items import Version


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
    overrides: dict[str, JsonValue] = Field(default_factory=dict)
    """Fields of the recipe that this run sets otherwise, nested as the recipe is."""
    notes: str = ""
    """What whoever asked wants to remember."""


class TrainingProgressed(Event):
    """A running job reports."""

    job_id: Name
    step: Count
    steps: PositiveCount
    loss: float
    items_per_s: NonNegativeFloat
    phase: Word = "training"
    """`snapshot`, `data`, `training`, `heads`, `saving`, or a word of a newer list."""


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
    kind: Word = "encoder"
    """`encoder`: items must be embedded anew; `head`: the encoder stays and only class probabilities change."""
    encoder_version: Name | None = None
    """The vector space that it works in; None is its own version."""
    recipe: Name = "default"


EVERYTHING = "all"
"""The slice that has every item."""


class Metric(Fact):
    """One measured quality on one slice of the evaluation set, with its 95% interval."""

    name: Name
    slice: str = EVERYTHING
    candidate: float
    live: float | None = None
    low: float | None = None
    high: float | None = None


class Regression(Fact):
    """An item of the evaluation set on which the candidate does worse than the live model."""

    tenant: Name
    item_id: Name
    version: Version
    metric: Name
    candidate: float
    live: float


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
    items: Count = 0
    """Items of the evaluation set."""
    snapshot_sha256: Sha256 | None = None
    regressions: tuple[Regression, ...] = ()
    """The worst ones first, a bounded number."""
    needs_approval: bool = False
    """It passed, and a person must agree before it is released."""
    kind: Word = "encoder"
    """Of the model, as in ModelTrained."""


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
    encoder_version: Name | None = None
    """The vector space that serves; None is the model's own."""
    released_by: str = ""
    """`gate`, `guardrails`, or who asked for it."""


class RolloutProgressed(Event):
    """A step of a candidate's way to all searches, or back."""

    rollout_id: Name
    model_version: Name
    previous_version: Name | None = None
    step: Word
    """`prepare`, `backfill`, `verify`, `canary`, `switch`, `watch`, `drain`, `roll_back`, or a newer word."""
    state: Word
    """`began`, `done` or `failed`."""
    seconds: NonNegativeFloat = 0.0
    """Of the step, once it ended."""
    done: Count = 0
    total: Count = 0
    """Items that the step is about, and how many of them are done; 0 where it counts none."""
    detail: str = ""

"""The registry's words: models, generations, jobs, rollouts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue

from schemas.training import Artifact, ModelEvaluated, ReleaseKind


class ModelKind(StrEnum):
    ENCODER = "encoder"
    """A vector space of its own: items must be embedded anew before it serves."""
    HEAD = "head"
    """Class probabilities from the vectors of an encoder that is there already."""


@dataclass(frozen=True, slots=True)
class Model:
    """A version of a model: immutable once registered."""

    version: str
    kind: ModelKind
    encoder_version: str
    """The vector space it works in; its own version where it is an encoder."""
    parent_version: str | None = None
    recipe: str = ""
    """Name of the recipe; `built-in` for the encoder that a deployment is configured with."""
    recipe_sha256: str = ""
    snapshot_sha256: str = ""
    job_id: str = ""
    artifacts: tuple[Artifact, ...] = ()
    """Its files, in the artifact store; none for a built-in one."""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    """Figures of the training run, such as seed, steps, ranks and the last loss."""
    seconds: float = 0.0
    created_at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Generation:
    """What serves since a release. Before the first one generation 0 serves: the encoder of the settings."""

    number: int
    model_version: str
    encoder_version: str
    previous_version: str
    """The model that served before."""
    previous_encoder_version: str
    kind: ReleaseKind
    reason: str
    released_by: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that stands for a version, such as `champion`."""

    name: str
    version: str
    revision: int
    """Rises with every change; changes are by compare-and-swap."""
    at_ms: int


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self not in (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    phase: str = "snapshot"
    step: int = 0
    steps: int = 1
    loss: float = 0.0
    items_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """A request for training, and what became of it."""

    job_id: str
    project_id: str
    cause: str
    detail: str
    recipe: str
    overrides: Mapping[str, JsonValue]
    priority: int
    notes: str
    request_id: str
    """Event id of the TrainingRequested; ids of what follows are computed from it."""
    traceparent: str
    state: JobState
    submitted_at_ms: int
    progress: Progress = Progress()
    token: int = 0
    """Fencing token: rises with every lease."""
    owner: str = ""
    lease_until_ms: int = 0
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    model_version: str | None = None
    """What came out."""
    reason: str = ""
    """Why it failed or was cancelled, or that its model was there already."""
    cancel_asked: bool = False
    lapses: int = 0
    """How often whoever worked on it was not heard of any more."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, until it expires. Only the highest token of a job may publish."""

    job: Job
    owner: str
    token: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A model that is to be evaluated, and what came of it."""

    evaluation_id: str
    """Event id of what asked for it."""
    model_version: str
    request: str
    """JSON: what is to be evaluated, and against what."""
    asked_at_ms: int
    verdict: ModelEvaluated | None = None
    ended_at_ms: int | None = None
    failure: str | None = None
    """Why there will be no verdict."""


class RolloutState(StrEnum):
    """Where a candidate is on its way. In this order; the last three are ends."""

    PREPARING = "preparing"
    """Embedding and serving load it; new items are written in both spaces from here on."""
    BACKFILLING = "backfilling"
    """Older items are embedded anew."""
    VERIFYING = "verifying"
    """Both spaces are compared."""
    CANARY = "canary"
    """A share of the searches is answered by the candidate."""
    WATCHING = "watching"
    """It serves; a share is still answered by the previous model, whose space is kept fresh."""
    DONE = "done"
    """The previous space is let go."""
    ABORTED = "aborted"
    """It never served."""
    ROLLED_BACK = "rolled_back"
    """It served, and the previous model serves again."""

    @property
    def ended(self) -> bool:
        return self in (RolloutState.DONE, RolloutState.ABORTED, RolloutState.ROLLED_BACK)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One candidate's way. At most one is under way at a time."""

    rollout_id: str
    """Event id of what asked for it."""
    model_version: str
    encoder_version: str
    previous_version: str
    previous_encoder_version: str
    state: RolloutState
    share: float
    """Of the searches, by lot: to the candidate during the canary, to the previous model while watching."""
    forced: bool
    """Released by a person without the gate's consent."""
    requested_by: str
    traceparent: str
    began_at_ms: int
    changed_at_ms: int
    revision: int = 0
    """Rises with every change; changes are by compare-and-swap."""
    generation: int | None = None
    """That it became, once it serves."""
    reason: str = ""
    marks: Mapping[str, JsonValue] = field(default_factory=dict)
    """Where the backfill stands: what it has done and what there is, by partition."""
    steps: Mapping[str, float] = field(default_factory=dict)
    """Seconds by step."""

    @property
    def same_space(self) -> bool:
        """A head-only release: nothing is embedded anew."""
        return self.encoder_version == self.previous_encoder_version

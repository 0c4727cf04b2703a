"""A training job on the wire: how it is asked for, and how it is told of."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator

from models.registry.records import Job, JobState

RECIPE = r"^(recipe:)?[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"


class JobBody(BaseModel):
    """What is asked for. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    project_id: Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00]+$")] = "default"
    config_uri: Annotated[str, Field(min_length=1, json_schema_extra={"pattern": RECIPE})] = "recipe:default"
    """A recipe by its name: `NAME` or `recipe:NAME`. Nothing is fetched from an address."""
    overrides: dict[str, JsonValue] = {}
    """Fields of the recipe that this run sets otherwise, nested as the recipe is."""
    resources: Annotated[dict[str, JsonValue], Field(json_schema_extra={"maxProperties": 0})] = {}
    """Empty: ranks and machines are set for the whole deployment, in the section `training` of its settings."""
    priority: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Higher runs first."""
    notes: Annotated[str, StringConstraints(max_length=10_000, pattern=r"^[^\x00]*$")] = ""
    """What whoever asks wants to remember."""

    @field_validator("config_uri")
    @classmethod
    def _a_recipe(cls, uri: str) -> str:
        scheme, colon, name = uri.partition(":")
        if "/" in uri or (colon and scheme != "recipe") or not (name if colon else scheme):
            raise ValueError("name a recipe, as NAME or recipe:NAME; configurations are not fetched from addresses")
        return uri

    @field_validator("resources")
    @classmethod
    def _of_the_deployment(cls, resources: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if resources:
            raise ValueError("resources are set for the whole deployment, in the section `training` of its settings")
        return resources

    @property
    def recipe(self) -> str:
        return self.config_uri.removeprefix("recipe:")


class JobAccepted(BaseModel):
    """The log has the request."""

    job_id: str
    status: Literal["queued"] = "queued"
    submitted_at: AwareDatetime


class JobProgress(BaseModel):
    """How far a run is."""

    phase: str
    """`snapshot`, `data`, `training`, `saving`, or a word of a newer list."""
    step: int
    steps: int
    loss: float | None
    """Null until there is one."""
    items_per_s: float


class TrainingJob(BaseModel):
    """A request for training, and what became of it."""

    job_id: str
    status: JobState
    project_id: str
    cause: str
    detail: str
    """The measure that pulled the trigger, with its threshold."""
    recipe: str
    overrides: dict[str, JsonValue]
    priority: int
    notes: str
    submitted_at: AwareDatetime
    started_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    progress: JobProgress
    model_version: str | None
    """What came out."""
    reason: str
    """Why it failed or was called off, or that its model was there already."""
    cancel_asked: bool
    """It ends as soon as whoever works on it hears of it."""
    waits_for: str
    """What it waits for, such as another job or the rollout of a model; empty where it waits for nothing."""


class TrainingJobs(BaseModel):
    """The latest first."""

    jobs: list[TrainingJob]


def training_job(job: Job, waits_for: str = "") -> TrainingJob:
    """A job as the API tells of it."""
    progress = job.progress
    return TrainingJob(
        job_id=job.job_id,
        status=job.state,
        project_id=job.project_id,
        cause=job.cause,
        detail=job.detail,
        recipe=job.recipe,
        overrides=dict(job.overrides),
        priority=job.priority,
        notes=job.notes,
        submitted_at=moment(job.submitted_at_ms),
        started_at=_moment_or_none(job.started_at_ms),
        ended_at=_moment_or_none(job.ended_at_ms),
        progress=JobProgress(
            phase=progress.phase,
            step=progress.step,
            steps=progress.steps,
            loss=progress.loss if progress.loss == progress.loss else None,
            items_per_s=progress.items_per_s,
        ),
        model_version=job.model_version,
        reason=job.reason,
        cancel_asked=job.cancel_asked,
        waits_for=waits_for,
    )


def moment(at_ms: int) -> datetime:
    """Milliseconds since the epoch, as a time with its zone."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _moment_or_none(at_ms: int | None) -> datetime | None:
    return None if at_ms is None else moment(at_ms)

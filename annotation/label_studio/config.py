"""Settings of the Label Studio bridge."""

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, SecretStr

from streams.retry import BackoffConfig


class LabelStudioConfig(BaseModel):
    """Where Label Studio is, and how it is spoken to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = None
    """Address of a Label Studio. None: `millrace up` starts the embedded one and fills this in."""
    token: SecretStr | None = None
    """Token of a member, legacy or personal; both kinds work."""
    timeout_s: PositiveFloat = 30.0
    """After this long without an answer Label Studio counts as unavailable."""
    title: str = Field(default="millrace/{task}", pattern=r"^[^{}]*\{task\}[^{}]*$", max_length=16)
    """Title of a task's project. Give each installation that shares a Label Studio its own."""
    open_limit: PositiveInt = 500
    """Tasks of a project that wait for answers, at most; requests beyond that wait in the outbox."""
    batch: PositiveInt = Field(default=100, le=1000)
    """Tasks that are found or created in one call."""
    prelabels: bool = True
    """Whether annotators see the model's answer as a start. Never in the random arm, gold and adjudication."""
    spread: bool = False
    """Whether each annotator is led through the predicted classes in turn, instead of by acquisition alone."""
    skips: PositiveInt = 3
    """A task that so many people skipped does not count as open any more."""
    export_s: PositiveFloat = 1.0
    """Pause between looks into an outbox that was empty."""
    poll_s: PositiveFloat = 2.0
    """Pause between polls for answers; a webhook ends it early."""
    overlap_s: NonNegativeFloat = 5.0
    """How long a change may take to become visible after the moment that Label Studio notes for it."""
    sweep_s: PositiveFloat = 600.0
    """Pause between sweeps through all tasks, which find what was deleted."""
    settle_s: NonNegativeFloat = 10.0
    """After an import whose reply was lost nothing is created for so long: it may still be at work."""
    page: PositiveInt = Field(default=200, ge=2, le=1000)
    """Tasks that are read with their answers in one call."""
    relink_s: PositiveFloat = 6 * 3600.0
    """Links to the media of open tasks are renewed this often; shorter than the links' life."""
    webhook_url: str | None = None
    """Where Label Studio reaches `POST /webhook` of the process that runs the bridge. None: polling alone."""
    webhook_secret: SecretStr | None = None
    """What Label Studio sends along; other callers are turned away."""
    backoff: BackoffConfig = BackoffConfig(first_s=0.5, longest_s=30.0)
    """While Label Studio is down."""

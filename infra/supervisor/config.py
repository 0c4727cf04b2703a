"""Settings of the supervisor."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from streams.retry import BackoffConfig

Seconds = Annotated[float, Field(gt=0, le=3_600)]


class SupervisorConfig(BaseModel):
    """How `millrace up` treats the processes it starts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backoff: BackoffConfig = BackoffConfig(first_s=0.5, longest_s=30.0)
    """Pauses before a process that ended is started again."""
    stable_after_s: Seconds = 30.0
    """A process that stayed up this long starts again with the first pause."""
    stop_grace_s: Seconds = 30.0
    """How long a process may take to stop before it is killed."""
    ready_timeout_s: Seconds = 120.0
    """How long `up` waits for everything to be ready before it says what is not."""
    log_limit_mib: Annotated[int, Field(ge=1, le=10_240)] = 16
    """A log larger than this is moved aside once; one earlier part is kept."""
    ports: dict[str, Annotated[int, Field(ge=1, le=65_535)]] = Field(default_factory=dict)
    """Fixed ports by name, such as `search.api`; all others are chosen and remembered."""

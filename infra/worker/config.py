"""Settings of a worker process."""

from pydantic import BaseModel, ConfigDict, PositiveFloat


class WorkerConfig(BaseModel):
    """How a worker process behaves."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address that the operators' door binds to. Change it only behind a network policy."""
    stop_grace_s: PositiveFloat = 20.0
    """How long an orderly stop may take before the process ends regardless."""

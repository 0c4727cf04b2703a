"""Settings of the embedded broker. They matter only while `kafka.bootstrap_servers` is unset."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


def default_jars_dir() -> Path:
    return Path.home() / ".cache" / "millrace"


class BrokerConfig(BaseModel):
    """How the embedded Kafka runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    jars_dir: Path = Field(default_factory=default_jars_dir)
    """Where the broker's jars are kept, shared by all data folders."""
    repository: str | None = None
    """A Maven repository to download the jars from, such as a mirror; None takes the public one."""
    heap_mb: Annotated[int, Field(ge=256, le=65_536)] = 512
    """Memory for the broker's objects, in MiB; the process needs some 150 MiB more."""
    min_session_timeout_ms: Annotated[int, Field(ge=100, le=45_000)] = 1_000
    """The shortest session a consumer may ask for, in milliseconds."""
    ready_timeout_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    """How long a start may take until the broker answers, in seconds; recovery after a crash included."""
    stop_grace_s: Annotated[float, Field(gt=0, le=600)] = 20.0
    """How long an orderly stop may take before the broker is killed, in seconds."""

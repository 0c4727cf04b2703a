"""Settings of the embedded Label Studio. They matter only while `label_studio.url` is unset."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


def default_cache_dir() -> Path:
    return Path.home() / ".cache" / "millrace"


class EmbeddedLabelStudioConfig(BaseModel):
    """How the embedded Label Studio is installed and run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    embedded: bool | None = None
    """Whether `millrace up` starts one. None: only where `labelling.tasks` names a task."""
    cache_dir: Path = Field(default_factory=default_cache_dir)
    """Where its packages and its empty database are kept, shared by all data folders; some 800 MB."""
    install_timeout_s: Annotated[float, Field(ge=10, le=3_600)] = 900.0
    """How long its packages may take to download and unpack, and its empty database to be made, in seconds."""
    ready_timeout_s: Annotated[float, Field(gt=0, le=600)] = 120.0
    """How long a start may take until it answers, in seconds."""
    stop_grace_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """How long an orderly stop may take before it is killed, in seconds."""

    def wanted(self, tasks: int, url: str | None) -> bool:
        """Whether to start one, given how many labelling tasks there are and whether another server is configured."""
        if url is not None:
            return False
        return tasks > 0 if self.embedded is None else self.embedded

"""Where models are kept."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from streams.media.config import MediaConfig

WRITER_STALE_S = 1.0
"""Who writes items goes no longer than this by what they knew last of what serves: a rollout waits for so long before
it counts on new items being written in both spaces. Who answers searches may go on for longer: it harms nobody."""


class RegistryConfig(BaseModel):
    """The files of models; what is known of them lies in the metadata database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(default=None, min_length=1)
    """Folder or address (`s3://…`, `gs://…`, `az://…`) of artifacts and snapshots; None is `artifacts` in the data
    folder."""

    def place(self, data_dir: Path, media: MediaConfig) -> MediaConfig:
        """What `ArtifactStore.open` needs: our address, with the credentials and limits of the media store."""
        return media.model_copy(update={"url": self.url or str(data_dir / "artifacts")})

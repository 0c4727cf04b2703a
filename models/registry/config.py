"""Where models are kept."""

from pydantic import BaseModel, ConfigDict, Field


class RegistryConfig(BaseModel):
    """The files of models; what is known of them lies in the metadata database."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(default=None, min_length=1)
    """Folder or address (`s3://…`, `gs://…`, `az://…`) of artifacts and snapshots; None is `artifacts` in the data
    folder."""

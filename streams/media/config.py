"""Where media are kept, and how to reach the place."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr


class MediaConfig(BaseModel):
    """A folder needs nothing but `url`. Credentials left out are looked for where the cloud's own tools look."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = ""
    """A folder, or `file://`, `s3://bucket/prefix`, `gs://bucket/prefix`, `az://account/container/prefix`; empty means
    `objects` in the data folder."""
    endpoint: str | None = None
    """Address of an S3-compatible server, such as `http://127.0.0.1:9000`; plain HTTP is allowed if it says so."""
    region: str | None = None
    """Region of the bucket."""
    access_key_id: SecretStr | None = None
    """S3 access key."""
    secret_access_key: SecretStr | None = None
    """S3 secret key."""
    session_token: SecretStr | None = None
    """S3 session token of temporary credentials."""
    options: dict[str, SecretStr] = {}
    """Further options of the store by the names its obstore class knows, such as `account_key` for Azure."""
    max_object_bytes: PositiveInt = 512 * 2**20
    """Larger objects are neither stored nor read."""
    timeout_s: PositiveFloat = 30.0
    """Limit of one request."""
    max_retries: int = Field(default=3, ge=0, le=20)
    """Repeats of a failed request before the store counts as unavailable."""

    def resolved(self, data_dir: Path) -> "MediaConfig":
        """The same with an empty `url` replaced by the folder `objects` in the data folder."""
        return self if self.url else self.model_copy(update={"url": str(data_dir / "objects")})

"""Where the metadata database is, and how long it remembers the answers to requests with a key."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, field_validator


class MetadataConfig(BaseModel):
    """Where the metadata database is."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = ""
    """`sqlite:///path` or `postgresql://user@host/name`; empty means the file `metadata.sqlite` in the data folder."""
    password: SecretStr | None = None
    """Of the PostgreSQL user; the URL itself must not hold one, as settings are shown to people."""
    busy_timeout_s: PositiveFloat = 10.0
    """How long a transaction waits for another one's lock before the database counts as unavailable."""
    connect_timeout_s: Annotated[int, Field(ge=1, le=120)] = 5
    """How long connecting to PostgreSQL may take, in seconds."""
    connections: Annotated[int, Field(ge=1, le=200)] = 8
    """Connections that are kept open; more are opened while more threads need one."""

    @field_validator("url")
    @classmethod
    def _without_secret(cls, url: str) -> str:
        from sqlalchemy import make_url  # loaded by those who name a database, not by every command
        from sqlalchemy.exc import ArgumentError

        try:
            has_password = bool(url) and bool(make_url(url).password)
        except ArgumentError:
            raise ValueError("not a database URL; write sqlite:///path or postgresql://user@host/name") from None
        if has_password:
            raise ValueError("leave the password out and set metadata.password")
        return url

    def resolved(self, data_dir: Path) -> "MetadataConfig":
        """The same with an empty `url` replaced by the file in the data folder."""
        file = (data_dir / "metadata.sqlite").absolute()
        return self if self.url else self.model_copy(update={"url": f"sqlite:///{file}"})


class IdempotencyConfig(BaseModel):
    """How long answers are remembered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    remembered_s: PositiveFloat = 24 * 3600.0
    """A repetition within this time gets the first answer again; later the key counts as new."""
    claim_s: PositiveFloat = 60.0
    """Longest time that one request works; afterwards a repetition takes over. Above every time limit of the work."""
    purge_rows: PositiveInt = 500
    """Expired keys are removed in batches of this size, at most one a minute."""

"""What can be set about recording. Imports nothing heavy: the command line reads it."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr

EMBEDDED = "chdb"


class RecordingConfig(BaseModel):
    """Where facts are kept for people to read, and how much one question may cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(default=EMBEDDED, pattern=r"^(chdb|https?://.+)$")
    """`chdb` for the engine in process, inside the data folder; else a server, such as `https://host:8443`."""
    database: str = Field(default="millrace", pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    """Created if it is missing."""
    user: str = "default"
    """For a server only; it needs the right to create and alter tables and views in the database."""
    password: SecretStr = SecretStr("")
    query_seconds: PositiveFloat = 30.0
    """A question that takes longer is stopped."""
    query_rows: PositiveInt = 10_000
    """An answer is cut after this many rows, and says so."""
    query_memory_bytes: PositiveInt = 2**30
    """A question that needs more is stopped."""

    @property
    def embedded(self) -> bool:
        return self.url == EMBEDDED

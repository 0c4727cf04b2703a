"""How the vector index is reached and kept."""

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class VectorIndexConfig(BaseModel):
    """Without a `url` the index is Qdrant Edge, in process, in a folder of this deployment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str | None = Field(default=None, min_length=1)
    """Address of a Qdrant server, such as `http://qdrant:6333`; None keeps the index in process."""
    api_key: SecretStr | None = None
    """Key of the Qdrant server, if it asks for one."""
    collection: str = Field(default="millrace-items", min_length=1, max_length=255, pattern=r"^[A-Za-z0-9_.-]+$")
    """Collection on the Qdrant server."""
    timeout_s: float = Field(default=10.0, gt=0, le=600)
    """A Qdrant server that has not answered by then is down."""
    min_free_mb: int = Field(default=512, ge=1, le=1_000_000)
    """Below this much free disk the in-process index refuses to write: a full disk would kill the process."""
    operation_points: int = Field(default=64, ge=1, le=10_000)
    """Points that one write to the in-process engine carries; searches wait for it, about 0.04 ms a point."""
    neighbour_queries: int = Field(default=16, ge=1, le=1_000)
    """Neighbour queries that one call of the in-process engine carries; searches wait for it, so it bounds the wait.
    At 10,000 items 16 take some 10 ms; one at a time would cost five times as much in all."""
    flush_points: int = Field(default=20_000, ge=1, le=10_000_000)
    """Points after which data files are brought up to date; bounds the write-ahead log and the time of a restart."""
    candidates: int = Field(default=100, ge=1, le=1_000)
    """Points that each ranking offers to the fusion, at least."""
    rank_constant: int = Field(default=60, ge=1, le=1_000)
    """Of reciprocal rank fusion: the higher, the less the very first ranks stand out."""

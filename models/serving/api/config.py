"""Settings of the HTTP API."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, StringConstraints

Tenant = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class ApiConfig(BaseModel):
    """Where the API listens, who may use it, and its bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    """Address to bind to. Behind anything but the loopback, set `api_keys` and put a TLS gateway in front."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 0
    """Port to bind to; 0 takes a free one."""
    public_url: str | None = None
    """Address under which browsers reach the API, for links shown elsewhere. None: `millrace up` fills it in."""
    api_keys: dict[SecretStr, Tenant] = {}
    """Bearer token to tenant. Empty: no credentials are asked for, and everything belongs to the tenant `default`."""
    operators: frozenset[Tenant] = frozenset()
    """Tenants whose keys may train, evaluate, release and roll back. Empty: every key may."""
    media_secret: SecretStr | None = None
    """Signs links to media; the same for all replicas. None: links end with the process that made them."""
    media_link_s: PositiveInt = 3600
    """How long a link to a medium works, in seconds."""
    max_json_bytes: PositiveInt = 8 * 2**20
    """Largest JSON body; larger media go by multipart upload."""
    max_upload_bytes: PositiveInt = 64 * 2**20
    """Largest multipart body, and the largest medium that is handed out."""
    body_timeout_s: PositiveFloat = 60.0
    """A body that has not arrived by then is given up."""
    max_in_flight: PositiveInt = 256
    """Requests in progress; more are answered 429."""
    max_held_bytes: PositiveInt = 256 * 2**20
    """Bytes of the bodies of all requests in progress; a body that would go beyond is answered 429."""
    search_threads: Annotated[int, Field(ge=1, le=64)] = 4
    """Searches and embeddings at one time."""
    write_threads: Annotated[int, Field(ge=1, le=64)] = 8
    """Publications and withdrawals that wait for the log at one time."""
    max_wait_s: PositiveFloat = 10.0
    """How long a request waits for a free thread before it is answered 429."""
    publish_timeout_s: Annotated[float, Field(gt=0, le=25)] = 10.0
    """How long a publication waits for the log before it is answered 503. Below half an idempotency claim."""
    fact_queue: PositiveInt = 10_000
    """Facts about searches that wait for the log; beyond it they are dropped and counted."""
    stop_grace_s: PositiveFloat = 10.0
    """How long a stop waits for requests in progress, and then for waiting facts."""

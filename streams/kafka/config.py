"""How to reach a Kafka cluster, and what librdkafka is told."""

import logging

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, SecretStr

ClientSettings = dict[str, str | int | float | bool]

rdkafka_log = logging.getLogger("librdkafka")
"""Where the client library speaks; quiet unless somebody listens, as outages are reported by the stages."""


class KafkaConfig(BaseModel):
    """The same settings serve the embedded broker and any other cluster."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bootstrap_servers: str | None = None
    """`host:port,…` of a cluster. None: `millrace up` starts the embedded broker and fills this in."""
    prefix: str = Field(default="millrace", pattern=r"^[A-Za-z0-9_-]+$")
    """First part of every topic and group name; separates installations on one cluster."""
    log_epoch: NonNegativeInt = Field(default=0, lt=2**12)
    """Raised by one when the log moves to a cluster whose offsets start anew; keeps item versions rising."""
    replication_factor: PositiveInt = 1
    """For topics that `topics apply` creates. 3 on a cluster."""
    security_protocol: str = Field(default="PLAINTEXT", pattern=r"^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$")
    sasl_mechanism: str | None = None
    """PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER."""
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_ca_location: str | None = None
    """File or folder of certificates to trust; None uses the system's."""
    ssl_certificate_location: str | None = None
    ssl_key_location: str | None = None
    ssl_key_password: SecretStr | None = None
    instance: str | None = None
    """Name of this worker for static membership; None is the host name. Unique among the replicas of a stage."""
    session_timeout_ms: PositiveInt = 45_000
    """A killed worker that comes back within this time resumes without a rebalance."""
    queue_kib: PositiveInt = 16_384
    """Bound on prefetched records of one consumer, in KiB."""
    linger_ms: NonNegativeInt = 5
    """How long a producer waits for company before it sends."""


def client_settings(config: KafkaConfig) -> ClientSettings:
    """librdkafka settings that producers, consumers and admins share."""
    sasl, key = config.sasl_password, config.ssl_key_password
    settings = {
        "bootstrap.servers": config.bootstrap_servers,
        "security.protocol": config.security_protocol,
        "sasl.mechanism": config.sasl_mechanism,
        "sasl.username": config.sasl_username,
        "sasl.password": sasl.get_secret_value() if sasl else None,
        "ssl.ca.location": config.ssl_ca_location,
        "ssl.certificate.location": config.ssl_certificate_location,
        "ssl.key.location": config.ssl_key_location,
        "ssl.key.password": key.get_secret_value() if key else None,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2000,
    }
    return {name: value for name, value in settings.items() if value is not None}

"""Tables of the registry. Times are whole milliseconds since the epoch."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

models = Table(
    "models",
    metadata,
    Column("version", String(512), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("encoder_version", String(512), nullable=False, comment="The vector space it works in."),
    Column("parent_version", String(512), nullable=True),
    Column("recipe", String(512), nullable=False),
    Column("recipe_sha256", String(64), nullable=False),
    Column("snapshot_sha256", String(64), nullable=False, index=True),
    Column("job_id", String(512), nullable=False),
    Column("artifacts", Text, nullable=False, comment="JSON: path, SHA-256 and length of each file."),
    Column("facts", Text, nullable=False, comment="JSON: figures of the training run."),
    Column("seconds", Float(53), nullable=False),
    Column("created_at_ms", BigInteger, nullable=False, index=True),
)

generations = Table(
    "generations",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False, comment="1, 2, 3 … without a gap."),
    Column("model_version", String(512), nullable=False),
    Column("encoder_version", String(512), nullable=False),
    Column("previous_version", String(512), nullable=False),
    Column("previous_encoder_version", String(512), nullable=False),
    Column("kind", String(16), nullable=False, comment="release or rollback."),
    Column("reason", Text, nullable=False),
    Column("released_by", String(512), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

model_aliases = Table(
    "model_aliases",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("version", String(512), nullable=False),
    Column("revision", BigInteger, nullable=False, comment="Rises with every change; changes compare it."),
    Column("at_ms", BigInteger, nullable=False),
)

training_jobs = Table(
    "training_jobs",
    metadata,
    Column("job_id", String(512), primary_key=True),
    Column("project_id", String(512), nullable=False),
    Column("cause", String(64), nullable=False),
    Column("detail", Text, nullable=False),
    Column("recipe", String(512), nullable=False),
    Column("overrides", Text, nullable=False, comment="JSON."),
    Column("priority", BigInteger, nullable=False),
    Column("notes", Text, nullable=False),
    Column("request_id", String(36), nullable=False),
    Column("traceparent", String(55), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("phase", String(64), nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("steps", BigInteger, nullable=False),
    Column("loss", Float(53), nullable=True, comment="NULL: not a number."),
    Column("items_per_s", Float(53), nullable=False),
    Column("token", BigInteger, nullable=False, comment="Fencing token: rises with every lease."),
    Column("owner", String(512), nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("submitted_at_ms", BigInteger, nullable=False),
    Column("started_at_ms", BigInteger, nullable=True),
    Column("ended_at_ms", BigInteger, nullable=True),
    Column("model_version", String(512), nullable=True),
    Column("reason", Text, nullable=False),
    Column("cancel_asked", Boolean, nullable=False),
    Column(
        "lapses", BigInteger, nullable=False, comment="Leases that ran out; those that were given back do not count."
    ),
)

evaluations = Table(
    "evaluations",
    metadata,
    Column("evaluation_id", String(36), primary_key=True, comment="Event id of what asked for it."),
    Column("model_version", String(512), nullable=False, index=True),
    Column("request", Text, nullable=False, comment="JSON: what is to be evaluated, and against what."),
    Column("verdict", Text, nullable=True, comment="JSON: the ModelEvaluated; NULL until there is one."),
    Column("asked_at_ms", BigInteger, nullable=False),
    Column("ended_at_ms", BigInteger, nullable=True),
    Column("failure", Text, nullable=True, comment="Why there will be none."),
)

rollouts = Table(
    "rollouts",
    metadata,
    Column("rollout_id", String(36), primary_key=True),
    Column("model_version", String(512), nullable=False),
    Column("encoder_version", String(512), nullable=False),
    Column("previous_version", String(512), nullable=False),
    Column("previous_encoder_version", String(512), nullable=False),
    Column("state", String(16), nullable=False),
    Column("share", Float(53), nullable=False),
    Column("forced", Boolean, nullable=False),
    Column("requested_by", String(512), nullable=False),
    Column("traceparent", String(55), nullable=False),
    Column("began_at_ms", BigInteger, nullable=False, index=True),
    Column("changed_at_ms", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="Rises with every change; changes compare it."),
    Column("generation", BigInteger, nullable=True),
    Column("reason", Text, nullable=False),
    Column("marks", Text, nullable=False, comment="JSON: where the backfill stands."),
    Column("steps", Text, nullable=False, comment="JSON: seconds by step."),
    Column("under_way", Integer, nullable=True, unique=True, comment="1 until it ended, then NULL: one at a time."),
)

announcements = Table(
    "announcements",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("stage", String(64), nullable=False, comment="Who publishes it."),
    Column("type", String(128), nullable=False),
    Column("body", Text, nullable=False, comment="JSON: the event, envelope included."),
    Column("place", BigInteger, nullable=False, comment="Order in which a stage publishes."),
    Index("ix_announcements_stage", "stage", "place"),
)

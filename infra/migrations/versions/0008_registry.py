"""Models, generations, jobs, evaluations, rollouts, and what is still to be told of them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "models",
        sa.Column("version", sa.String(512), primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("encoder_version", sa.String(512), nullable=False, comment="The vector space it works in."),
        sa.Column("parent_version", sa.String(512), nullable=True),
        sa.Column("recipe", sa.String(512), nullable=False),
        sa.Column("recipe_sha256", sa.String(64), nullable=False),
        sa.Column("snapshot_sha256", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(512), nullable=False),
        sa.Column("artifacts", sa.Text, nullable=False, comment="JSON: path, SHA-256 and length of each file."),
        sa.Column("facts", sa.Text, nullable=False, comment="JSON: figures of the training run."),
        sa.Column("seconds", sa.Float(53), nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_models_snapshot_sha256", "models", ["snapshot_sha256"])
    op.create_index("ix_models_created_at_ms", "models", ["created_at_ms"])
    op.create_table(
        "generations",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False, comment="1, 2, 3 … without a gap."),
        sa.Column("model_version", sa.String(512), nullable=False),
        sa.Column("encoder_version", sa.String(512), nullable=False),
        sa.Column("previous_version", sa.String(512), nullable=False),
        sa.Column("previous_encoder_version", sa.String(512), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False, comment="release or rollback."),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("released_by", sa.String(512), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "model_aliases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("version", sa.String(512), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="Rises with every change; changes compare it."),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "training_jobs",
        sa.Column("job_id", sa.String(512), primary_key=True),
        sa.Column("project_id", sa.String(512), nullable=False),
        sa.Column("cause", sa.String(64), nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("recipe", sa.String(512), nullable=False),
        sa.Column("overrides", sa.Text, nullable=False, comment="JSON."),
        sa.Column("priority", sa.BigInteger, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("traceparent", sa.String(55), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("phase", sa.String(64), nullable=False),
        sa.Column("step", sa.BigInteger, nullable=False),
        sa.Column("steps", sa.BigInteger, nullable=False),
        sa.Column("loss", sa.Float(53), nullable=True, comment="NULL: not a number."),
        sa.Column("items_per_s", sa.Float(53), nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False, comment="Fencing token: rises with every lease."),
        sa.Column("owner", sa.String(512), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
        sa.Column("submitted_at_ms", sa.BigInteger, nullable=False),
        sa.Column("started_at_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_at_ms", sa.BigInteger, nullable=True),
        sa.Column("model_version", sa.String(512), nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("cancel_asked", sa.Boolean, nullable=False),
    )
    op.create_index("ix_training_jobs_state", "training_jobs", ["state"])
    op.create_table(
        "evaluations",
        sa.Column("evaluation_id", sa.String(36), primary_key=True, comment="Event id of what asked for it."),
        sa.Column("model_version", sa.String(512), nullable=False),
        sa.Column("request", sa.Text, nullable=False, comment="JSON: what is to be evaluated, and against what."),
        sa.Column("verdict", sa.Text, nullable=True, comment="JSON: the ModelEvaluated; NULL until there is one."),
        sa.Column("asked_at_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_at_ms", sa.BigInteger, nullable=True),
        sa.Column("failure", sa.Text, nullable=True, comment="Why there will be none."),
    )
    op.create_index("ix_evaluations_model_version", "evaluations", ["model_version"])
    op.create_table(
        "rollouts",
        sa.Column("rollout_id", sa.String(36), primary_key=True),
        sa.Column("model_version", sa.String(512), nullable=False),
        sa.Column("encoder_version", sa.String(512), nullable=False),
        sa.Column("previous_version", sa.String(512), nullable=False),
        sa.Column("previous_encoder_version", sa.String(512), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("share", sa.Float(53), nullable=False),
        sa.Column("forced", sa.Boolean, nullable=False),
        sa.Column("requested_by", sa.String(512), nullable=False),
        sa.Column("traceparent", sa.String(55), nullable=False),
        sa.Column("began_at_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="Rises with every change; changes compare it."),
        sa.Column("generation", sa.BigInteger, nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("marks", sa.Text, nullable=False, comment="JSON: where the backfill stands."),
        sa.Column("steps", sa.Text, nullable=False, comment="JSON: seconds by step."),
        sa.Column(
            "under_way", sa.Integer, nullable=True, unique=True, comment="1 until it ended, then NULL: one at a time."
        ),
    )
    op.create_index("ix_rollouts_began_at_ms", "rollouts", ["began_at_ms"])
    op.create_table(
        "announcements",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("stage", sa.String(64), nullable=False, comment="Who publishes it."),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("body", sa.Text, nullable=False, comment="JSON: the event, envelope included."),
        sa.Column("place", sa.BigInteger, nullable=False, comment="Order in which a stage publishes."),
    )
    op.create_index("ix_announcements_stage", "announcements", ["stage", "place"])

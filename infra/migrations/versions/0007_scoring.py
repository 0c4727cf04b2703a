"""Heads: class probabilities from vectors. And what scoring knows of its candidates."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "heads",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("model_version", sa.String(512), primary_key=True),
        sa.Column(
            "revision", sa.BigInteger, primary_key=True, comment="Labels it saw, or one above the revision before."
        ),
        sa.Column("content", sa.LargeBinary, nullable=False, comment="Numbers of all its heads, as safetensors."),
        sa.Column(
            "facts", sa.Text, nullable=False, comment="JSON: what the heads answer, labels, gate, how good it was."
        ),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "scoring_candidates",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("model_version", sa.String(512), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False, comment="Of the item, as it was scored."),
        sa.Column(
            "cause",
            sa.String(36),
            nullable=False,
            comment="Id of the fact that brought it; ids of scores follow from it.",
        ),
        sa.Column("traceparent", sa.String(55), nullable=False),
        sa.Column("shown", sa.Text, nullable=False, comment="JSON: what annotators see, and what quotas go by."),
        sa.Column("neighbours", sa.Text, nullable=False, comment="JSON: ids and squared distances, nearest first."),
        sa.Column("told", sa.Text, nullable=False, comment="JSON: by task the head, margin and acquisition told last."),
        sa.Column("signal", sa.Float(53), nullable=False, comment="Latest feedback signal."),
        sa.Column(
            "signal_at_ms",
            sa.BigInteger,
            nullable=False,
            comment="Start of the window it was measured in; 0 is none.",
        ),
        sa.Column("signal_revision", sa.BigInteger, nullable=False, comment="Of that window."),
    )

"""Candidates of selection, and what it requested."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "selection_candidates",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("model_version", sa.String(512), nullable=False),
        sa.Column("head", sa.BigInteger, nullable=False, comment="Labels that the scoring head had seen."),
        sa.Column("acquisition", sa.Float, nullable=False),
        sa.Column("uncertainty", sa.Text, nullable=False, comment="JSON of its parts."),
        sa.Column("density", sa.Float, nullable=False),
        sa.Column("signal", sa.Float, nullable=False, comment="From searches and feedback."),
        sa.Column("neighbours", sa.Text, nullable=False, comment="JSON list of neighbours with squared distances."),
        sa.Column("shown", sa.Text, nullable=False, comment="JSON of what annotators see."),
        sa.Column("scored_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_selection_candidates_rank", "selection_candidates", ["tenant", "task", "acquisition"])
    op.create_table(
        "selection_requests",
        sa.Column("event_id", sa.String(36), primary_key=True),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("task", sa.String(512), nullable=False),
        sa.Column("item_id", sa.String(512), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, comment="1 for the first time that the item is asked about."),
        sa.Column("arm", sa.String(16), nullable=False),
        sa.Column("strategy", sa.String(64), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("period", sa.BigInteger, nullable=False, comment="Whose budget it took from."),
        sa.Column("modality", sa.String(16), nullable=True),
        sa.Column("language", sa.String(64), nullable=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("requested_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.String(16), nullable=False, comment="open, answered, labelled, skipped or gone."),
        sa.Column("state_at", sa.BigInteger, nullable=False),
        sa.Column("event", sa.Text, nullable=True, comment="The fact, until it is known to be in the log."),
        sa.Column("sent", sa.Boolean, nullable=False),
    )
    op.create_index("ix_selection_requests_item", "selection_requests", ["tenant", "task", "item_id"])
    op.create_index("ix_selection_requests_period", "selection_requests", ["tenant", "task", "period"])
    op.create_index("ix_selection_requests_sent", "selection_requests", ["sent"])

"""What there is to train on, and what was frozen of it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "catalogue",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column(
            "version", sa.BigInteger, nullable=False, comment="The highest one seen; an older one never comes back."
        ),
        sa.Column(
            "since",
            sa.BigInteger,
            nullable=False,
            comment="The version from which on the content has been the same.",
        ),
        sa.Column("withdrawn", sa.Boolean, nullable=False, comment="Then nothing of its content is kept."),
        sa.Column("modality", sa.String(16), nullable=True),
        sa.Column("content_sha256", sa.String(64), nullable=True),
        sa.Column("media_uri", sa.Text, nullable=True),
        sa.Column("media_sha256", sa.String(64), nullable=True),
        sa.Column("media_length", sa.BigInteger, nullable=True),
        sa.Column("media_type", sa.Text, nullable=True),
        sa.Column("text", sa.Text, nullable=True, comment="The beginning of the text, or the caption of the medium."),
        sa.Column("licence", sa.Text, nullable=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=True),
    )
    op.create_table(
        "snapshots",
        sa.Column(
            "sha256", sa.String(64), primary_key=True, comment="Of the manifest, which lies in the artifact store."
        ),
        sa.Column("number", sa.Integer, nullable=False, unique=True, comment="1, 2, 3 … as they were frozen."),
        sa.Column("project_id", sa.String(512), nullable=False),
        sa.Column("live_version", sa.String(512), nullable=False, comment="The model that served when it was frozen."),
        sa.Column("tasks", sa.Text, nullable=False, comment="JSON: names of the tasks."),
        sa.Column("train", sa.BigInteger, nullable=False, comment="Items to train on."),
        sa.Column("evaluation", sa.BigInteger, nullable=False),
        sa.Column("excluded", sa.BigInteger, nullable=False, comment="Near-duplicates of evaluation items."),
        sa.Column("labels", sa.BigInteger, nullable=False, comment="Settled labels of all items."),
        sa.Column("bytes", sa.BigInteger, nullable=False, comment="Of the manifest."),
        sa.Column("frozen_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "snapshot_items",
        sa.Column("snapshot", sa.Integer, primary_key=True, autoincrement=False, comment="Number of the snapshot."),
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("split", sa.String(16), nullable=False),
        sa.Column("labels", sa.Text, nullable=False, comment="JSON: revision of the label by task."),
    )
    op.create_index("ix_snapshot_items_item", "snapshot_items", ["item_id"])
    op.create_table(
        "evaluation_items",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column(
            "snapshot",
            sa.Integer,
            nullable=False,
            comment="Number of the first snapshot that evaluated with it.",
        ),
        comment="Whatever becomes of their labels, these are never trained on.",
    )

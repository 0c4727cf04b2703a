"""Failed queries and hard negatives, as training reads them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "mined_queries",
        sa.Column("key", sa.String(64), primary_key=True, comment="SHA-256 of what the row is about."),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("query_modality", sa.String(16), nullable=False),
        sa.Column("query_text", sa.Text, nullable=False, comment="In lower case, with single blanks."),
        sa.Column("model_version", sa.String(512), nullable=False, comment="The encoder that answered."),
        sa.Column("window_start", sa.BigInteger, nullable=False),
        sa.Column("window_s", sa.BigInteger, nullable=False),
        sa.Column(
            "revision",
            sa.BigInteger,
            nullable=False,
            comment="Events counted; a row is replaced by a higher one only.",
        ),
        sa.Column("searches", sa.BigInteger, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False, comment="Of the searches."),
    )
    op.create_index("ix_mined_queries_place", "mined_queries", ["tenant", "window_start", "key"])
    op.create_table(
        "hard_negatives",
        sa.Column("event_id", sa.String(36), primary_key=True, comment="Of the HardNegativeMined."),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("query_text", sa.Text, nullable=False),
        sa.Column("positive_id", sa.String(512), nullable=False, comment="The item that people took."),
        sa.Column("positive_version", sa.BigInteger, nullable=False),
        sa.Column("negative_id", sa.String(512), nullable=False, comment="The item that they passed over."),
        sa.Column("negative_version", sa.BigInteger, nullable=False),
        sa.Column("weight", sa.Float, nullable=False, comment="How strongly training should believe it."),
        sa.Column("model_version", sa.String(512), nullable=False, comment="The encoder that ranked them."),
        sa.Column("searched_at", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_hard_negatives_place", "hard_negatives", ["tenant", "searched_at", "event_id"])

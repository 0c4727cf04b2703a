"""Which release generation's model scored: scoring and selection go over to a new one, and back."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "scoring_generation",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="Always 1."),
        sa.Column("generation", sa.BigInteger, nullable=False, comment="The last one that scoring has gone over to."),
        sa.Column("model_version", sa.String(512), nullable=False),
    )
    with op.batch_alter_table("selection_candidates") as table:
        table.add_column(
            sa.Column(
                "generation",
                sa.BigInteger,
                nullable=False,
                server_default="0",
                comment="Of releases, whose model scored.",
            )
        )

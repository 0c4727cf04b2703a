"""How often whoever worked on a training job was not heard of any more: such a job fails in the end."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    with op.batch_alter_table("training_jobs") as table:
        table.add_column(
            sa.Column(
                "lapses",
                sa.BigInteger,
                nullable=False,
                server_default="0",
                comment="Leases that ran out; those that were given back do not count.",
            )
        )

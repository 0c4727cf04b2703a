"""What was ever trained on, once an item: asking every snapshot's items would cost more with each snapshot."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

KNOWN = sa.text(
    """
    INSERT INTO trained_items (tenant, item_id, content_sha256, snapshot)
    SELECT held.tenant, held.item_id, COALESCE(now.content_sha256, ''), MIN(held.snapshot)
    FROM snapshot_items AS held
    LEFT JOIN catalogue AS now
    ON now.tenant = held.tenant AND now.item_id = held.item_id AND held.version BETWEEN now.since AND now.version
    WHERE held.split = 'train'
    GROUP BY held.tenant, held.item_id, COALESCE(now.content_sha256, '')
    """
)
"""Of earlier snapshots; the content only where it is still the same."""


def upgrade() -> None:
    op.create_table(
        "trained_items",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("content_sha256", sa.String(64), primary_key=True, comment="Empty where nobody wrote it down."),
        sa.Column("snapshot", sa.Integer, nullable=False, comment="Number of the first snapshot that trained on it."),
        comment="Whatever becomes of them, these are never measured with, nor is their content.",
    )
    op.execute(KNOWN)

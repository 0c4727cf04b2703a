"""Idempotency keys of the HTTP API."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True, comment="As the client chose it."),
        sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of the request that the key stands for."),
        sa.Column(
            "claim", sa.String(32), nullable=False, comment="Who works on it, or did; changes with every takeover."
        ),
        sa.Column(
            "claimed_until", sa.BigInteger, nullable=False, comment="Until then nobody else may take the work over."
        ),
        sa.Column("status", sa.Integer, nullable=True, comment="HTTP status of the answer; NULL while there is none."),
        sa.Column("body", sa.Text, nullable=True, comment="Body of the answer."),
        sa.Column("expires_at", sa.BigInteger, nullable=False, comment="The key may be used anew from then on."),
        sa.CheckConstraint("(status IS NULL) = (body IS NULL)", name="ck_idempotency_keys_answer_is_whole"),
    )
    op.create_index("ix_idempotency_keys_expires_at", "idempotency_keys", ["expires_at"])

"""What curation remembers: which item owns which content, and what the last records were answered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "curation_items",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False, comment="Newest version that curation has seen."),
        sa.Column(
            "content_sha256", sa.String(64), nullable=True, comment="Content it owns; NULL if refused or withdrawn."
        ),
        sa.Column("duplicate_of", sa.String(512), nullable=True, comment="The item that owned its content already."),
        sa.Column(
            "replaced",
            sa.Boolean,
            nullable=False,
            comment="Its newest version was refused while an older one was live.",
        ),
        sa.UniqueConstraint("tenant", "content_sha256", name="uq_curation_items_content"),
    )
    op.create_table(
        "curation_answers",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("place", sa.String(200), nullable=False, comment="Topic and partition of the records."),
        sa.Column("last_version", sa.BigInteger, nullable=False, comment="Highest version of a record in it."),
        sa.Column("answers", sa.LargeBinary, nullable=False, comment="JSON list of what each record was answered."),
    )
    op.create_index("ix_curation_answers_place", "curation_answers", ["place", "last_version"])

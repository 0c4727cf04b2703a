"""Annotations, settled labels and what annotators are trusted with."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    pass

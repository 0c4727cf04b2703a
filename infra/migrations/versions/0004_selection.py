"""Candidates of selection, and what it requested."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    pass

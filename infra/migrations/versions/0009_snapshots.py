"""What there is to train on, and what was frozen of it."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    pass

"""The outbox to Label Studio, and what came back."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    pass

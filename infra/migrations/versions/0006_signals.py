"""Failed queries and hard negatives, as training reads them."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    pass

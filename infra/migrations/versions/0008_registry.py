"""Models, generations, jobs, evaluations, rollouts, and what is still to be told of them."""

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    pass

"""The outbox to Label Studio, and what came back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "bridge_requests",
        sa.Column("id", NUMBER, primary_key=True, comment="Rises in the order of arrival."),
        sa.Column("request_id", sa.String(36), nullable=False, comment="Event id of the AnnotationRequested."),
        sa.Column("task", sa.String(40), nullable=False),
        sa.Column("tenant", sa.String(64), nullable=False),
        sa.Column("item_id", sa.String(512), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="Of the item."),
        sa.Column("annotators", sa.Integer, nullable=False, comment="Different people who are to answer."),
        sa.Column("place", sa.String(300), nullable=False, comment="topic/partition/offset where the fact first lay."),
        sa.Column("fact", sa.Text, nullable=False, comment="The AnnotationRequested as JSON, envelope included."),
        sa.Column("state", sa.String(16), nullable=False, comment="One of State."),
        sa.Column("task_id", sa.BigInteger, nullable=True, comment="Of the task in Label Studio."),
        sa.Column("attempted_at", sa.BigInteger, nullable=True, comment="When its task was last to be created."),
        sa.Column("changed_at", sa.BigInteger, nullable=False, comment="When its state last changed."),
        sa.Column(
            "linked_at", sa.BigInteger, nullable=True, comment="When the link to its medium was made; NULL without one."
        ),
    )
    op.create_index("uq_bridge_requests_request_id", "bridge_requests", ["request_id"], unique=True)
    op.create_index("ix_bridge_requests_state", "bridge_requests", ["task", "state", "id"])
    op.create_index("ix_bridge_requests_item", "bridge_requests", ["item_id", "tenant", "task", "version"])
    op.create_index("ix_bridge_requests_task_id", "bridge_requests", ["task", "task_id"])
    op.create_table(
        "bridge_withdrawals",
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False, comment="This and everything older is not asked about."),
    )
    op.create_table(
        "bridge_projects",
        sa.Column("task", sa.String(40), primary_key=True),
        sa.Column("project_id", sa.BigInteger, nullable=False, comment="Of the project in Label Studio."),
        sa.Column("title", sa.String(50), nullable=False),
        sa.Column("model_version", sa.String(512), nullable=True, comment="Whose scores order the tasks."),
        sa.Column(
            "versioned_at", sa.BigInteger, nullable=False, comment="When the newest request of it was made; 0 for none."
        ),
        sa.Column("horizon", sa.String(40), nullable=True, comment="All changes up to this moment have been read."),
    )
    op.create_table(
        "bridge_annotations",
        sa.Column("project_id", sa.BigInteger, primary_key=True),
        sa.Column("annotation_id", sa.BigInteger, primary_key=True),
        sa.Column("task", sa.String(40), nullable=False),
        sa.Column("task_id", sa.BigInteger, nullable=False, comment="Of the task in Label Studio."),
        sa.Column("request_id", sa.String(36), nullable=False, comment="Of the request that it answers."),
        sa.Column(
            "digest", sa.String(64), nullable=False, comment="SHA-256 of what it says; empty if it is to be looked at."
        ),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="Of the last fact about it."),
        sa.Column("standing", sa.String(16), nullable=False, comment="One of Standing."),
    )
    op.create_index("ix_bridge_annotations_task_id", "bridge_annotations", ["project_id", "task_id"])
    op.create_index("ix_bridge_annotations_request_id", "bridge_annotations", ["request_id"])
    op.create_table(
        "bridge_messages",
        sa.Column(
            "id", NUMBER, primary_key=True, comment="Rises in the order of publishing; gone once the log has it."
        ),
        sa.Column("topic", sa.String(300), nullable=False, comment="Full name."),
        sa.Column("key", sa.LargeBinary, nullable=True),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("headers", sa.Text, nullable=False, comment="JSON list of [name, value in Latin-1]."),
    )

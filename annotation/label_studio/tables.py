"""Tables of the bridge in the metadata database."""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

NUMBER = BigInteger().with_variant(Integer, "sqlite")


class State(StrEnum):
    """Of a request. At most one request of an item's version and task is sent or closed at a time."""

    PENDING = "pending"
    """In the outbox: Label Studio does not know of it, or we do not know that it does."""
    SENT = "sent"
    """Its task is there and waits for answers."""
    CLOSED = "closed"
    """Its task has the answers that were asked for, or was skipped by too many."""
    SUPERSEDED = "superseded"
    """A later request for the same task took its place."""
    RETIRING = "retiring"
    """The item has newer content: its task goes, unless it was answered."""
    REMOVING = "removing"
    """The item was withdrawn: its tasks go, answered or not."""
    REMOVED = "removed"
    """Its task is gone, or never came to be."""
    DROPPED = "dropped"
    """Out of date when it arrived, or before it was sent."""
    REFUSED = "refused"
    """Label Studio does not take it; it is a dead letter."""


requests = Table(
    "bridge_requests",
    metadata,
    Column("id", NUMBER, primary_key=True, comment="Rises in the order of arrival."),
    Column("request_id", String(36), nullable=False, comment="Event id of the AnnotationRequested."),
    Column("task", String(40), nullable=False),
    Column("tenant", String(64), nullable=False),
    Column("item_id", String(512), nullable=False),
    Column("version", BigInteger, nullable=False, comment="Of the item."),
    Column("annotators", Integer, nullable=False, comment="Different people who are to answer."),
    Column("place", String(300), nullable=False, comment="topic/partition/offset where the fact first lay."),
    Column("fact", Text, nullable=False, comment="The AnnotationRequested as JSON, envelope included."),
    Column("state", String(16), nullable=False, comment="One of State."),
    Column("task_id", BigInteger, nullable=True, comment="Of the task in Label Studio."),
    Column("attempted_at", BigInteger, nullable=True, comment="When its task was last to be created."),
    Column("changed_at", BigInteger, nullable=False, comment="When its state last changed."),
    Column("linked_at", BigInteger, nullable=True, comment="When the link to its medium was made; NULL without one."),
    Index("uq_bridge_requests_request_id", "request_id", unique=True),
    Index("ix_bridge_requests_state", "task", "state", "id"),
    Index("ix_bridge_requests_item", "item_id", "tenant", "task", "version"),
    Index("ix_bridge_requests_task_id", "task", "task_id"),
)

withdrawals = Table(
    "bridge_withdrawals",
    metadata,
    Column("item_id", String(512), primary_key=True),
    Column("tenant", String(64), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="This and everything older is not asked about."),
)

projects = Table(
    "bridge_projects",
    metadata,
    Column("task", String(40), primary_key=True),
    Column("project_id", BigInteger, nullable=False, comment="Of the project in Label Studio."),
    Column("title", String(50), nullable=False),
    Column("model_version", String(512), nullable=True, comment="Whose scores order the tasks."),
    Column("versioned_at", BigInteger, nullable=False, comment="When the newest request of it was made; 0 for none."),
    Column("horizon", String(40), nullable=True, comment="All changes up to this moment have been read."),
)


class Standing(StrEnum):
    """Of an annotation, as the log knows it."""

    TOLD = "told"
    """As an answer that counts."""
    WITHDRAWN = "withdrawn"
    """As taken back."""
    MALFORMED = "malformed"
    """Not at all, or as taken back: it is a dead letter."""


annotations = Table(
    "bridge_annotations",
    metadata,
    Column("project_id", BigInteger, primary_key=True),
    Column("annotation_id", BigInteger, primary_key=True),
    Column("task", String(40), nullable=False),
    Column("task_id", BigInteger, nullable=False, comment="Of the task in Label Studio."),
    Column("request_id", String(36), nullable=False, comment="Of the request that it answers."),
    Column("digest", String(64), nullable=False, comment="SHA-256 of what it says; empty if it is to be looked at."),
    Column("revision", BigInteger, nullable=False, comment="Of the last fact about it."),
    Column("standing", String(16), nullable=False, comment="One of Standing."),
    Index("ix_bridge_annotations_task_id", "project_id", "task_id"),
    Index("ix_bridge_annotations_request_id", "request_id"),
)

messages = Table(
    "bridge_messages",
    metadata,
    Column("id", NUMBER, primary_key=True, comment="Rises in the order of publishing; gone once the log has it."),
    Column("topic", String(300), nullable=False, comment="Full name."),
    Column("key", LargeBinary, nullable=True),
    Column("value", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False, comment="JSON list of [name, value in Latin-1]."),
)

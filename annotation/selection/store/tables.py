"""Tables in the metadata database. Times are whole milliseconds since the epoch."""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

candidates = Table(
    "selection_candidates",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("model_version", String(512), nullable=False),
    Column("generation", BigInteger, nullable=False, comment="Of releases, whose model scored."),
    Column("head", BigInteger, nullable=False, comment="Labels that the scoring head had seen."),
    Column("acquisition", Float, nullable=False),
    Column("uncertainty", Text, nullable=False, comment="JSON of its parts."),
    Column("density", Float, nullable=False),
    Column("signal", Float, nullable=False, comment="From searches and feedback."),
    Column("neighbours", Text, nullable=False, comment="JSON list of neighbours with squared distances."),
    Column("shown", Text, nullable=False, comment="JSON of what annotators see."),
    Column("scored_at", BigInteger, nullable=False),
    Index("ix_selection_candidates_rank", "tenant", "task", "acquisition"),
)

requests = Table(
    "selection_requests",
    metadata,
    Column("event_id", String(36), primary_key=True),
    Column("tenant", String(64), nullable=False),
    Column("task", String(512), nullable=False),
    Column("item_id", String(512), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False, comment="1 for the first time that the item is asked about."),
    Column("arm", String(16), nullable=False),
    Column("strategy", String(64), nullable=False),
    Column("reason", Text, nullable=False),
    Column("period", BigInteger, nullable=False, comment="Whose budget it took from."),
    Column("modality", String(16), nullable=True),
    Column("language", String(64), nullable=True),
    Column("source", Text, nullable=False),
    Column("requested_at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False, comment="open, answered, labelled, skipped or gone."),
    Column("state_at", BigInteger, nullable=False),
    Column("event", Text, nullable=True, comment="The fact, until it is known to be in the log."),
    Column("sent", Boolean, nullable=False),
    Index("ix_selection_requests_item", "tenant", "task", "item_id"),
    Index("ix_selection_requests_period", "tenant", "task", "period"),
    Index("ix_selection_requests_sent", "sent"),
)

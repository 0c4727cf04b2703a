"""Tables of scoring in the metadata database. Times are whole milliseconds since the epoch."""

from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

heads = Table(
    "heads",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("model_version", String(512), primary_key=True),
    Column("revision", BigInteger, primary_key=True, comment="Labels it saw, or one above the revision before."),
    Column("content", LargeBinary, nullable=False, comment="Numbers of all its heads, as safetensors."),
    Column("facts", Text, nullable=False, comment="JSON: what the heads answer, labels, gate, how good it was."),
    Column("created_at_ms", BigInteger, nullable=False),
)

generations = Table(
    "scoring_generation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="Always 1."),
    Column("generation", BigInteger, nullable=False, comment="The last one that scoring has gone over to."),
    Column("model_version", String(512), nullable=False),
)

candidates = Table(
    "scoring_candidates",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("model_version", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="Of the item, as it was scored."),
    Column(
        "cause", String(36), nullable=False, comment="Id of the fact that brought it; ids of scores follow from it."
    ),
    Column("traceparent", String(55), nullable=False),
    Column("shown", Text, nullable=False, comment="JSON: what annotators see, and what quotas go by."),
    Column("neighbours", Text, nullable=False, comment="JSON: ids and squared distances, nearest first."),
    Column("told", Text, nullable=False, comment="JSON: by task the head, margin and acquisition told last."),
    Column("signal", Float(53), nullable=False, comment="Latest feedback signal."),
    Column("signal_at_ms", BigInteger, nullable=False, comment="Start of the window it was measured in; 0 is none."),
    Column("signal_revision", BigInteger, nullable=False, comment="Of that window."),
)

"""Tables of mined examples. Times are whole milliseconds since the epoch."""

from sqlalchemy import BigInteger, Column, Float, Index, MetaData, String, Table, Text

metadata = MetaData()

mined_queries = Table(
    "mined_queries",
    metadata,
    Column("key", String(64), primary_key=True, comment="SHA-256 of what the row is about."),
    Column("tenant", String(64), nullable=False),
    Column("query_modality", String(16), nullable=False),
    Column("query_text", Text, nullable=False, comment="In lower case, with single blanks."),
    Column("model_version", String(512), nullable=False, comment="The encoder that answered."),
    Column("window_start", BigInteger, nullable=False),
    Column("window_s", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False, comment="Events counted; a row is replaced by a higher one only."),
    Column("searches", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False, comment="Of the searches."),
    Index("ix_mined_queries_place", "tenant", "window_start", "key"),
)

hard_negatives = Table(
    "hard_negatives",
    metadata,
    Column("event_id", String(36), primary_key=True, comment="Of the HardNegativeMined."),
    Column("tenant", String(64), nullable=False),
    Column("query_text", Text, nullable=False),
    Column("positive_id", String(512), nullable=False, comment="The item that people took."),
    Column("positive_version", BigInteger, nullable=False),
    Column("negative_id", String(512), nullable=False, comment="The item that they passed over."),
    Column("negative_version", BigInteger, nullable=False),
    Column("weight", Float, nullable=False, comment="How strongly training should believe it."),
    Column("model_version", String(512), nullable=False, comment="The encoder that ranked them."),
    Column("searched_at", BigInteger, nullable=False),
    Index("ix_hard_negatives_place", "tenant", "searched_at", "event_id"),
)

"""What consensus keeps: every answer as it stands, what is known of the annotators, gold answers, and what it said."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

metadata = MetaData()

annotations = Table(
    "annotations",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("annotation_key", String(512), primary_key=True),
    Column("task", String(512), nullable=False),
    Column("item_id", String(512), nullable=False),
    Column("version", BigInteger, nullable=False, comment="Of the item that was shown."),
    Column("request_id", String(36), nullable=False),
    Column("revision", BigInteger, nullable=False, comment="Of the newest fact; older ones change nothing."),
    Column("fact", String(40), nullable=False, comment="Which of two facts with one revision counts: the greater."),
    Column("withdrawn", Boolean, nullable=False),
    Column("skipped", Boolean, nullable=False),
    Column("result", Text, nullable=False, comment="JSON, in Label Studio's result format."),
    Column("annotator", String(512), nullable=True, comment="NULL until a fact names the person."),
    Column("arm", String(16), nullable=True, comment="NULL until the completion is known."),
    Column("purpose", String(64), nullable=True, comment="NULL until the completion is known."),
    Column("prelabel", String(512), nullable=True),
    Column("lead_time_s", Float(53), nullable=True),
    Column("answered_at_ms", BigInteger, nullable=False),
    Index("ix_annotations_item", "tenant", "item_id"),
    Index("ix_annotations_annotator", "tenant", "task", "annotator", "item_id"),
)

annotator_tallies = Table(
    "annotator_tallies",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("annotator", String(512), primary_key=True),
    Column("gold_asked", BigInteger, nullable=False, comment="Answers to items whose right answer is known."),
    Column("gold_right", BigInteger, nullable=False),
    Column("peers_met", BigInteger, nullable=False, comment="Answers that a consensus of others can be held against."),
    Column("peers_agreed", BigInteger, nullable=False),
    Column("trust", Float(53), nullable=False, comment="In steps, so that it moves seldom."),
    Column("moves", BigInteger, nullable=False, comment="How often the trust has moved."),
    Column("swept", BigInteger, nullable=False, comment="The move that all of their labels know of."),
    Column("sweeping", BigInteger, nullable=True, comment="The move that is being carried through."),
    Column("swept_item", String(512), nullable=False, comment="The item up to which it has been."),
)

gold_answers = Table(
    "gold_answers",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("result", Text, nullable=True, comment="JSON, in Label Studio's result format; NULL once it is removed."),
    Column("measured", Text, nullable=True, comment="The answer that the tallies go by now."),
    Column("pending", Boolean, nullable=False, index=True, comment="The tallies do not know the answer yet."),
    Column("changed_at_ms", BigInteger, nullable=False),
)

withdrawn_items = Table(
    "withdrawn_items",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="This and everything older is withdrawn."),
    Column("erased", BigInteger, nullable=True, comment="Answers about this and everything older are not kept."),
)

consensus_answers = Table(
    "consensus_answers",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("place", String(300), nullable=False, comment="Topic and partition of the records."),
    Column("last_offset", BigInteger, nullable=False, comment="Highest offset of a record in it."),
    Column("answers", LargeBinary, nullable=False, comment="JSON list of what each record was answered."),
    Index("ix_consensus_answers_place", "place", "last_offset"),
)

consensus_announcements = Table(
    "consensus_announcements",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("said", LargeBinary, nullable=False, comment="JSON of what follows from no single record, until written."),
)

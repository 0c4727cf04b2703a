"""Tables of the catalogue and of snapshots. Times are whole milliseconds since the epoch."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

catalogue = Table(
    "catalogue",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="The highest one seen; an older one never comes back."),
    Column("since", BigInteger, nullable=False, comment="The version from which on the content has been the same."),
    Column("withdrawn", Boolean, nullable=False, comment="Then nothing of its content is kept."),
    Column("modality", String(16), nullable=True),
    Column("content_sha256", String(64), nullable=True),
    Column("media_uri", Text, nullable=True),
    Column("media_sha256", String(64), nullable=True),
    Column("media_length", BigInteger, nullable=True),
    Column("media_type", Text, nullable=True),
    Column("text", Text, nullable=True, comment="The beginning of the text, or the caption of the medium."),
    Column("licence", Text, nullable=True),
    Column("source", Text, nullable=False),
    Column("language", Text, nullable=True),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("sha256", String(64), primary_key=True, comment="Of the manifest, which lies in the artifact store."),
    Column("number", Integer, nullable=False, unique=True, comment="1, 2, 3 … as they were frozen."),
    Column("project_id", String(512), nullable=False),
    Column("live_version", String(512), nullable=False, comment="The model that served when it was frozen."),
    Column("tasks", Text, nullable=False, comment="JSON: names of the tasks."),
    Column("train", BigInteger, nullable=False, comment="Items to train on."),
    Column("evaluation", BigInteger, nullable=False),
    Column("excluded", BigInteger, nullable=False, comment="Near-duplicates of evaluation items."),
    Column("labels", BigInteger, nullable=False, comment="Settled labels of all items."),
    Column("bytes", BigInteger, nullable=False, comment="Of the manifest."),
    Column("frozen_at_ms", BigInteger, nullable=False),
)

snapshot_items = Table(
    "snapshot_items",
    metadata,
    Column("snapshot", Integer, primary_key=True, autoincrement=False, comment="Number of the snapshot."),
    Column("tenant", String(64), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("split", String(16), nullable=False),
    Column("labels", Text, nullable=False, comment="JSON: revision of the label by task."),
    Index("ix_snapshot_items_item", "item_id"),
)

evaluation_items = Table(
    "evaluation_items",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("snapshot", Integer, nullable=False, comment="Number of the first snapshot that evaluated with it."),
    comment="Whatever becomes of their labels, these are never trained on.",
)

trained_items = Table(
    "trained_items",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("content_sha256", String(64), primary_key=True, comment="Empty where nobody wrote it down."),
    Column("snapshot", Integer, nullable=False, comment="Number of the first snapshot that trained on it."),
    comment="Whatever becomes of them, these are never measured with, nor is their content.",
)

"""Where labels stand: one row an item and task, and one row a task with what it comes to.

Written by the consensus stage alone, in one transaction with the answers behind them. Rows are never deleted: an item
that lost its label keeps its row, so that readers who look only at what is new see the loss too.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

metadata = MetaData()

settled_labels = Table(
    "settled_labels",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("item_id", String(512), primary_key=True),
    Column("version", BigInteger, nullable=False, comment="Of the item that was labelled."),
    Column("settled", Boolean, nullable=False),
    Column("reason", String(64), nullable=True, comment="Why there is no label; NULL where there is one."),
    Column("labels", Text, nullable=False, comment="JSON list of classes."),
    Column("result", Text, nullable=False, comment="JSON, in Label Studio's result format."),
    Column("trust", Float(53), nullable=False),
    Column("arm", String(16), nullable=False),
    Column("annotators", Integer, nullable=False, comment="How many people's answers are behind it."),
    Column("agreement", Float(53), nullable=True, comment="Share of agreeing pairs; NULL where one answered."),
    Column("asked", Integer, nullable=False, comment="How many people adjudication has asked for; 0 is none."),
    Column("revision", BigInteger, nullable=False, comment="Rises with every outcome that was told."),
    Column("change", BigInteger, nullable=False, comment="Place among the changes of the task; readers go by it."),
    Column("settled_at_ms", BigInteger, nullable=False),
    Index("ix_settled_labels_change", "tenant", "task", "change", unique=True),
)

label_totals = Table(
    "label_totals",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("labels", BigInteger, nullable=False, comment="Items that have a label now."),
    Column("changes", BigInteger, nullable=False, comment="Changes so far; the highest `change` of the task."),
)

accounts = Table(
    "accounts",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("model_version", String(512), primary_key=True),
    Column("strategy", String(512), nullable=False, comment="That of the active arm."),
    Column("account", Text, nullable=False, comment="JSON, as drawn up last."),
    Column("change", BigInteger, nullable=False, comment="The last change of the task's labels that it knows."),
    Column("at_ms", BigInteger, nullable=False),
)

selection_verdicts = Table(
    "selection_verdicts",
    metadata,
    Column("tenant", String(64), primary_key=True),
    Column("task", String(512), primary_key=True),
    Column("model_version", String(512), primary_key=True),
    Column("strategy", String(512), primary_key=True),
    Column("at_ms", BigInteger, primary_key=True),
    Column("verdict", String(32), nullable=False, comment="gain, no_gain, behind or not_enough_labels."),
    Column("share", Float(53), nullable=True, comment="Labels saved, as a share of those the random arm needs."),
    Column("low", Float(53), nullable=True),
    Column("high", Float(53), nullable=True),
    Column("active_labels", BigInteger, nullable=False),
    Column("random_labels", BigInteger, nullable=False),
)

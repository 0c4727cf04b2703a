"""Annotations, settled labels, what annotators are trusted with, and what the labels were worth."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _settled_labels()
    _label_totals()
    _accounts()
    _selection_verdicts()
    _annotations()
    _annotator_tallies()
    _gold_answers()
    _withdrawn_items()
    _consensus_answers()
    _consensus_announcements()


def _settled_labels() -> None:
    op.create_table(
        "settled_labels",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False, comment="Of the item that was labelled."),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("reason", sa.String(64), nullable=True, comment="Why there is no label; NULL where there is one."),
        sa.Column("labels", sa.Text, nullable=False, comment="JSON list of classes."),
        sa.Column("result", sa.Text, nullable=False, comment="JSON, in Label Studio's result format."),
        sa.Column("trust", sa.Float(53), nullable=False),
        sa.Column("arm", sa.String(16), nullable=False),
        sa.Column("annotators", sa.Integer, nullable=False, comment="How many people's answers are behind it."),
        sa.Column(
            "agreement", sa.Float(53), nullable=True, comment="Share of agreeing pairs; NULL where one answered."
        ),
        sa.Column(
            "asked", sa.Integer, nullable=False, comment="How many people adjudication has asked for; 0 is none."
        ),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="Rises with every outcome that was told."),
        sa.Column(
            "change", sa.BigInteger, nullable=False, comment="Place among the changes of the task; readers go by it."
        ),
        sa.Column("settled_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_settled_labels_change", "settled_labels", ["tenant", "task", "change"], unique=True)


def _label_totals() -> None:
    op.create_table(
        "label_totals",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("labels", sa.BigInteger, nullable=False, comment="Items that have a label now."),
        sa.Column(
            "changes", sa.BigInteger, nullable=False, comment="Changes so far; the highest `change` of the task."
        ),
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("model_version", sa.String(512), primary_key=True),
        sa.Column("strategy", sa.String(512), nullable=False, comment="That of the active arm."),
        sa.Column("account", sa.Text, nullable=False, comment="JSON, as drawn up last."),
        sa.Column(
            "change", sa.BigInteger, nullable=False, comment="The last change of the task's labels that it knows."
        ),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
    )


def _selection_verdicts() -> None:
    op.create_table(
        "selection_verdicts",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("model_version", sa.String(512), primary_key=True),
        sa.Column("strategy", sa.String(512), primary_key=True),
        sa.Column("at_ms", sa.BigInteger, primary_key=True),
        sa.Column("verdict", sa.String(32), nullable=False, comment="gain, no_gain, behind or not_enough_labels."),
        sa.Column(
            "share", sa.Float(53), nullable=True, comment="Labels saved, as a share of those the random arm needs."
        ),
        sa.Column("low", sa.Float(53), nullable=True),
        sa.Column("high", sa.Float(53), nullable=True),
        sa.Column("active_labels", sa.BigInteger, nullable=False),
        sa.Column("random_labels", sa.BigInteger, nullable=False),
    )


def _annotations() -> None:
    op.create_table(
        "annotations",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("annotation_key", sa.String(512), primary_key=True),
        sa.Column("task", sa.String(512), nullable=False),
        sa.Column("item_id", sa.String(512), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False, comment="Of the item that was shown."),
        sa.Column("request_id", sa.String(36), nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False, comment="Of the newest fact; older ones change nothing."),
        sa.Column(
            "fact", sa.String(40), nullable=False, comment="Which of two facts with one revision counts: the greater."
        ),
        sa.Column("withdrawn", sa.Boolean, nullable=False),
        sa.Column("skipped", sa.Boolean, nullable=False),
        sa.Column("result", sa.Text, nullable=False, comment="JSON, in Label Studio's result format."),
        sa.Column("annotator", sa.String(512), nullable=True, comment="NULL until a fact names the person."),
        sa.Column("arm", sa.String(16), nullable=True, comment="NULL until the completion is known."),
        sa.Column("purpose", sa.String(64), nullable=True, comment="NULL until the completion is known."),
        sa.Column("prelabel", sa.String(512), nullable=True),
        sa.Column("lead_time_s", sa.Float(53), nullable=True),
        sa.Column("answered_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_annotations_annotator", "annotations", ["tenant", "task", "annotator", "item_id"])
    op.create_index("ix_annotations_item", "annotations", ["tenant", "item_id"])


def _annotator_tallies() -> None:
    op.create_table(
        "annotator_tallies",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("annotator", sa.String(512), primary_key=True),
        sa.Column("gold_asked", sa.BigInteger, nullable=False, comment="Answers to items whose right answer is known."),
        sa.Column("gold_right", sa.BigInteger, nullable=False),
        sa.Column(
            "peers_met",
            sa.BigInteger,
            nullable=False,
            comment="Answers that a consensus of others can be held against.",
        ),
        sa.Column("peers_agreed", sa.BigInteger, nullable=False),
        sa.Column("trust", sa.Float(53), nullable=False, comment="In steps, so that it moves seldom."),
        sa.Column("moves", sa.BigInteger, nullable=False, comment="How often the trust has moved."),
        sa.Column("swept", sa.BigInteger, nullable=False, comment="The move that all of their labels know of."),
        sa.Column("sweeping", sa.BigInteger, nullable=True, comment="The move that is being carried through."),
        sa.Column("swept_item", sa.String(512), nullable=False, comment="The item up to which it has been."),
    )


def _gold_answers() -> None:
    op.create_table(
        "gold_answers",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("task", sa.String(512), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column(
            "result", sa.Text, nullable=True, comment="JSON, in Label Studio's result format; NULL once it is removed."
        ),
        sa.Column("measured", sa.Text, nullable=True, comment="The answer that the tallies go by now."),
        sa.Column("pending", sa.Boolean, nullable=False, comment="The tallies do not know the answer yet."),
        sa.Column("changed_at_ms", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_gold_answers_pending", "gold_answers", ["pending"])


def _withdrawn_items() -> None:
    op.create_table(
        "withdrawn_items",
        sa.Column("tenant", sa.String(64), primary_key=True),
        sa.Column("item_id", sa.String(512), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False, comment="This and everything older is withdrawn."),
        sa.Column(
            "erased", sa.BigInteger, nullable=True, comment="Answers about this and everything older are not kept."
        ),
    )


def _consensus_answers() -> None:
    op.create_table(
        "consensus_answers",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column("place", sa.String(300), nullable=False, comment="Topic and partition of the records."),
        sa.Column("last_offset", sa.BigInteger, nullable=False, comment="Highest offset of a record in it."),
        sa.Column("answers", sa.LargeBinary, nullable=False, comment="JSON list of what each record was answered."),
    )
    op.create_index("ix_consensus_answers_place", "consensus_answers", ["place", "last_offset"])


def _consensus_announcements() -> None:
    op.create_table(
        "consensus_announcements",
        sa.Column("id", NUMBER, primary_key=True),
        sa.Column(
            "said", sa.LargeBinary, nullable=False, comment="JSON of what follows from no single record, until written."
        ),
    )

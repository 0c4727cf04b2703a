"""Every topic, in the order a record meets them: the map of the system, and the manifest that `topics apply` obeys.

A topic's full name is `<prefix>.<name>.v1`. All facts about items are keyed by `tenant/item_id`, so that one item's
facts keep their order.
"""

from dataclasses import dataclass

from schemas.annotations import (
    AnnotationChanged,
    AnnotationCompleted,
    AnnotationRequested,
    AnnotationWithdrawn,
    ItemScored,
    LabelSettled,
    LabelUnsettled,
)
from schemas.event import Event
from schemas.items import ItemCurated, ItemEmbedded, ItemIndexed, ItemPublished, ItemRejected, ItemWithdrawn
from schemas.searches import FeedbackGiven, SearchServed
from schemas.signals import ClickRateMeasured, HardNegativeMined, ItemSignalMeasured, QueryFailed
from schemas.training import (
    ModelEvaluated,
    ModelReleased,
    ModelTrained,
    RolloutProgressed,
    TrainingProgressed,
    TrainingRequested,
)

DAY_MS = 24 * 3600 * 1000
FOREVER_MS = -1
RECORD_BYTES = 1024 * 1024
"""Largest record in a topic of the loop; media travel by reference."""
LETTER_BYTES = RECORD_BYTES + 64 * 1024
"""Dead letters and parked records keep the original bytes and add headers."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream of facts. `partitions` may only grow, except for topics that assign versions: those never change."""

    name: str
    events: tuple[type[Event], ...]
    partitions: int = 4
    retention_ms: int = 30 * DAY_MS
    compacted: bool = False
    max_record_bytes: int = RECORD_BYTES
    fixed_partitions: bool = False

    def full_name(self, prefix: str) -> str:
        return f"{prefix}.{self.name}.v1"


RAW = Topic("items.raw", (ItemPublished, ItemWithdrawn), retention_ms=FOREVER_MS, fixed_partitions=True)
CURATED = Topic("items.curated", (ItemCurated, ItemWithdrawn), retention_ms=FOREVER_MS)
REJECTED = Topic("items.rejected", (ItemRejected,))
EMBEDDED = Topic("items.embedded", (ItemEmbedded, ItemWithdrawn))
INDEXED = Topic("items.indexed", (ItemIndexed,))
SEARCHES = Topic("searches.served", (SearchServed,))
FEEDBACK = Topic("feedback.given", (FeedbackGiven,))
SIGNALS = Topic("signals.measured", (ItemSignalMeasured, QueryFailed, HardNegativeMined, ClickRateMeasured))
SCORED = Topic("items.scored", (ItemScored,))
ANNOTATIONS_REQUESTED = Topic("annotations.requested", (AnnotationRequested,), retention_ms=FOREVER_MS)
ANNOTATIONS_COMPLETED = Topic(
    "annotations.completed", (AnnotationCompleted, AnnotationChanged, AnnotationWithdrawn), retention_ms=FOREVER_MS
)
LABELS = Topic("labels.settled", (LabelSettled, LabelUnsettled), retention_ms=FOREVER_MS)
TRAINING_REQUESTED = Topic("training.requested", (TrainingRequested,), partitions=1, retention_ms=FOREVER_MS)
TRAINING_PROGRESSED = Topic("training.progressed", (TrainingProgressed,), partitions=1)
MODELS_TRAINED = Topic("models.trained", (ModelTrained,), partitions=1, retention_ms=FOREVER_MS)
MODELS_EVALUATED = Topic("models.evaluated", (ModelEvaluated,), partitions=1, retention_ms=FOREVER_MS)
ROLLOUTS = Topic("models.rollouts", (RolloutProgressed,), partitions=1, retention_ms=FOREVER_MS)
MODELS_RELEASED = Topic("models.released", (ModelReleased,), partitions=1, retention_ms=FOREVER_MS, compacted=True)

LOOP: tuple[Topic, ...] = (
    RAW,
    CURATED,
    REJECTED,
    EMBEDDED,
    INDEXED,
    SEARCHES,
    FEEDBACK,
    SIGNALS,
    SCORED,
    ANNOTATIONS_REQUESTED,
    ANNOTATIONS_COMPLETED,
    LABELS,
    TRAINING_REQUESTED,
    TRAINING_PROGRESSED,
    MODELS_TRAINED,
    MODELS_EVALUATED,
    ROLLOUTS,
    MODELS_RELEASED,
)


def group_of(prefix: str, stage: str) -> str:
    """The consumer group of a stage."""
    return f"{prefix}.{stage}"


def dead_letter_topic(prefix: str, stage: str) -> str:
    return f"{group_of(prefix, stage)}.dlq"


def parked_topic(prefix: str, stage: str) -> str:
    return f"{group_of(prefix, stage)}.parked"

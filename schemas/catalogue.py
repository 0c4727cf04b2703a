"""Every event type there is, by its CloudEvents type name."""

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

EVENT_CLASSES: tuple[type[Event], ...] = (
    ItemPublished,
    ItemWithdrawn,
    ItemCurated,
    ItemRejected,
    ItemEmbedded,
    ItemIndexed,
    SearchServed,
    FeedbackGiven,
    ItemScored,
    AnnotationRequested,
    AnnotationCompleted,
    AnnotationChanged,
    AnnotationWithdrawn,
    LabelSettled,
    LabelUnsettled,
    ItemSignalMeasured,
    QueryFailed,
    HardNegativeMined,
    ClickRateMeasured,
    TrainingRequested,
    TrainingProgressed,
    ModelTrained,
    ModelEvaluated,
    RolloutProgressed,
    ModelReleased,
)

EVENT_TYPES: dict[str, type[Event]] = {event.type_name(): event for event in EVENT_CLASSES}

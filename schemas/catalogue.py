"""Every event type there is, by its CloudEvents type name."""

from schemas.annotations import (
    AnnotationChanged,
    AnnotationCompleted,
    AnnotationRequested,
    AnnotationWithdrawn,
    ItemScored,
)
from schemas.event import Event
from schemas.items import ItemCurated, ItemEmbedded, ItemIndexed, ItemPublished, ItemRejected, ItemWithdrawn
from schemas.searches import FeedbackGiven, SearchServed
from schemas.training import ModelEvaluated, ModelReleased, ModelTrained, TrainingProgressed, TrainingRequested

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
    TrainingRequested,
    TrainingProgressed,
    ModelTrained,
    ModelEvaluated,
    ModelReleased,
)

EVENT_TYPES: dict[str, type[Event]] = {event.type_name(): event for event in EVENT_CLASSES}

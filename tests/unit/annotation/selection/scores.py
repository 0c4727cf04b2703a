"""Scores and answers as the topics bring them, and a clock that stands still until it is moved."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid5

from schemas.annotations import (
    AnnotationCompleted,
    AnnotationRequested,
    Arm,
    ItemScored,
    LabelSettled,
    LabelUnsettled,
    Neighbour,
    Prediction,
    Uncertainty,
)
from schemas.event import Event
from schemas.items import Modality
from streams.record import Origin
from streams.stage import Incoming

MODEL = "mini-1"
TASK = "topic"


@dataclass
class StoppedClock:
    """Moves only when told to."""

    now: float = 1_000_000.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def scored(
    item_id: str,
    unsure: float | None = None,
    near: Sequence[tuple[str, float]] = (),
    *,
    version: int = 1,
    head: int = 0,
    model: str = MODEL,
    generation: int = 0,
    acquisition: float = 0.5,
    language: str | None = "en",
    source: str = "web",
    predicted: Sequence[tuple[str, float]] = (),
) -> ItemScored:
    """A text with these neighbours."""
    return ItemScored(
        event_id=uuid5(UUID(int=0), f"{item_id}/{version}/{head}/{model}"),
        occurred_at=datetime(2026, 11, 22, tzinfo=UTC),
        item_id=item_id,
        version=version,
        task=TASK,
        model_version=model,
        generation=generation,
        uncertainty=Uncertainty(margin=unsure),
        density=0.5,
        acquisition=acquisition,
        head=head,
        modality=Modality.TEXT,
        language=language,
        source=source,
        text=f"words of {item_id}",
        predicted=tuple(Prediction(label=label, probability=p) for label, p in predicted),
        neighbours=tuple(Neighbour(item_id=other, distance=d2) for other, d2 in near),
    )


def answered(request: AnnotationRequested, *, skipped: bool = False) -> AnnotationCompleted:
    """Somebody answered a request."""
    return AnnotationCompleted(
        item_id=request.item_id,
        version=request.version,
        task=request.task,
        request_id=request.event_id,
        annotation_key=f"1/{request.item_id}/1",
        revision=1,
        arm=request.arm,
        annotator="ada",
        result=(),
        skipped=skipped,
    )


def settled(request: AnnotationRequested) -> LabelSettled:
    """The answer counts."""
    return LabelSettled(
        item_id=request.item_id,
        version=request.version,
        task=request.task,
        revision=1,
        arm=request.arm,
        labels=("boat",),
        trust=0.9,
        annotators=1,
    )


def unsettled(request: AnnotationRequested, reason: str) -> LabelUnsettled:
    """The label came undone."""
    return LabelUnsettled(
        item_id=request.item_id,
        version=request.version,
        task=request.task,
        revision=2,
        arm=Arm.ACTIVE,
        reason=reason,
    )


def batch(*facts: Event) -> list[Incoming]:
    """As the runner hands them over."""
    return [Incoming(fact, Origin("t", 0, at)) for at, fact in enumerate(facts)]

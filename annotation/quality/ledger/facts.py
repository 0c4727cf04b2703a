"""Where a label stands, as the loop is told."""

from annotation.quality.ledger.pages import ItemKey
from annotation.quality.rule.consensus import Outcome
from models.labels.store import Standing
from schemas.annotations import AnnotationRequested, LabelSettled, LabelUnsettled, Purpose
from schemas.event import Event

ADJUDICATION = "adjudication"
"""The strategy of requests that consensus makes."""


def standing(item: ItemKey, found: Outcome, asked: int, revision: int, at_ms: int) -> Standing:
    """An outcome as it is kept."""
    tenant, task, item_id = item
    return Standing(
        tenant=tenant,
        task=task,
        item_id=item_id,
        version=found.version,
        arm=found.arm,
        reason=None if found.reason is None else found.reason.value,
        labels=found.labels,
        result=found.result,
        trust=found.trust,
        annotators=found.annotators,
        agreement=found.agreement,
        asked=asked,
        revision=revision,
        at_ms=at_ms,
    )


def said(label: Standing) -> tuple[object, ...]:
    """What readers of the topic are told about; a class says all that its result does."""
    return label.version, label.reason, label.labels or label.result


def label_fact(cause: Event, label: Standing) -> Event:
    """LabelSettled or LabelUnsettled."""
    facts = {name: getattr(label, name) for name in ("tenant", "item_id", "version", "task", "revision", "arm")}
    if label.reason is not None:
        return LabelUnsettled.following(cause, part=label.task, **facts, reason=label.reason)
    more = {name: getattr(label, name) for name in ("labels", "result", "trust", "annotators", "agreement")}
    return LabelSettled.following(cause, part=label.task, **facts, **more)


def adjudication(cause: Event, label: Standing, model_version: str) -> AnnotationRequested:
    """One more person is asked. What annotators see is in the task that the item has already."""
    return AnnotationRequested.following(
        cause,
        part=f"{label.task}/{label.asked}",
        tenant=label.tenant,
        item_id=label.item_id,
        version=label.version,
        task=label.task,
        arm=label.arm,
        strategy=ADJUDICATION,
        model_version=model_version,
        purpose=Purpose.ADJUDICATION.value,
        annotators=label.asked,
        reason=f"{label.annotators} answers do not settle it",
    )

"""One annotation as all facts about it come to, whatever their order and however often they come."""

from dataclasses import dataclass, replace

from models.labels.store import Result
from schemas.annotations import AnnotationChanged, AnnotationCompleted, AnnotationFact, AnnotationWithdrawn

_RANK = {AnnotationCompleted: 0, AnnotationChanged: 1, AnnotationWithdrawn: 2}


@dataclass(frozen=True, slots=True)
class Answered:
    """An annotation as it stands. What only its completion tells is None until that is known."""

    tenant: str
    annotation_key: str
    task: str
    item_id: str
    version: int
    request_id: str
    revision: int
    fact: str
    """Which of two facts with one revision counts: the greater."""
    withdrawn: bool = False
    skipped: bool = False
    result: Result = ()
    annotator: str | None = None
    arm: str | None = None
    purpose: str | None = None
    prelabel: str | None = None
    lead_time_s: float | None = None
    answered_at_ms: int = 0

    @property
    def counts(self) -> bool:
        """Whether all is known that makes it a vote."""
        return not self.withdrawn and self.arm is not None and self.annotator is not None


def with_fact(before: Answered | None, fact: AnnotationFact) -> Answered:
    """The annotation once the fact is known too. The order of facts and their repetition make no difference."""
    told = _told(fact)
    newer = before is None or (told.revision, told.fact) > (before.revision, before.fact)
    newest, other = (told, before) if newer else (before or told, told)
    if other is None:
        return newest
    annotator = newest.annotator or other.annotator
    completion = told if isinstance(fact, AnnotationCompleted) else before or told
    return replace(
        newest,
        annotator=annotator,
        arm=completion.arm,
        purpose=completion.purpose,
        prelabel=completion.prelabel,
        lead_time_s=completion.lead_time_s,
    )


def _told(fact: AnnotationFact) -> Answered:
    """What a fact says by itself."""
    said = Answered(
        tenant=fact.tenant,
        annotation_key=fact.annotation_key,
        task=fact.task,
        item_id=fact.item_id,
        version=fact.version,
        request_id=str(fact.request_id),
        revision=fact.revision,
        fact=f"{_RANK[type(fact)]}{fact.event_id.hex}",
        answered_at_ms=int(fact.occurred_at.timestamp() * 1000),
    )
    if isinstance(fact, AnnotationCompleted):
        return replace(
            said,
            skipped=fact.skipped,
            result=fact.result,
            annotator=fact.annotator,
            arm=fact.arm.value,
            purpose=fact.purpose,
            prelabel=fact.prelabel,
            lead_time_s=fact.lead_time_s,
        )
    if isinstance(fact, AnnotationChanged):
        return replace(said, skipped=fact.skipped, result=fact.result, annotator=fact.annotator)
    return replace(said, withdrawn=True)

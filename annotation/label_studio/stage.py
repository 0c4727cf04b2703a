"""annotations.requested, items.embedded (withdrawals only) -> Label Studio -> annotations.completed

The stage itself only writes down: what has arrived is in the outbox before its record is committed. The exporter and
the intake beside it do the rest, so that selection goes on while Label Studio is down.
"""

from collections.abc import Sequence

from sqlalchemy import Engine

from annotation.label_studio.outbox import Asked, Outbox
from annotation.label_studio.sending.drafts import Desk
from annotation.label_studio.sending.reminders import completed
from schemas.annotations import AnnotationRequested
from schemas.items import ItemWithdrawn
from streams.errors import BadRecord, NotYet, Refusal
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import ANNOTATIONS_COMPLETED, ANNOTATIONS_REQUESTED, EMBEDDED

NAME = "bridge"


def bridge_stage(outbox: Outbox, desks: Sequence[Desk]) -> BatchStage:
    """Writes requests and withdrawals to the outbox, each once. Facts about answers are written by the intake."""
    by_task = {desk.task.name: desk for desk in desks}

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        batch = [_completed(incoming, outbox.engine) for incoming in batch]
        refusals = [_objection(incoming, by_task) for incoming in batch]
        taken = [incoming for incoming, refusal in zip(batch, refusals, strict=True) if refusal is None]
        asked = [Asked(one.fact, _place(one)) for one in taken if isinstance(one.fact, AnnotationRequested)]
        outbox.take(asked, [one.fact for one in taken if isinstance(one.fact, ItemWithdrawn)])
        return [refusal or () for refusal in refusals]

    return BatchStage(NAME, sources=(ANNOTATIONS_REQUESTED, EMBEDDED), answers=(ANNOTATIONS_COMPLETED,), handle=handle)


def _completed(incoming: Incoming, engine: Engine) -> Incoming:
    fact = incoming.fact
    return incoming._replace(fact=completed(engine, fact)) if isinstance(fact, AnnotationRequested) else incoming


def _objection(incoming: Incoming, desks: dict[str, Desk]) -> Refusal | None:
    """Why a request can never, or not yet, be shown to anybody."""
    fact = incoming.fact
    if not isinstance(fact, AnnotationRequested):
        return None
    desk = desks.get(fact.task)
    if desk is None:
        return NotYet(
            "unknown_task", f"no labelling task is called {fact.task}; add it to labelling.tasks, then replay"
        )
    if fact.tenant != desk.task.tenant:
        return BadRecord("wrong_tenant", f"task {fact.task} belongs to {desk.task.tenant}, the item to {fact.tenant}")
    try:
        desk.data(fact)
    except BadRecord as refusal:
        return refusal
    return None


def _place(incoming: Incoming) -> str:
    return "/".join(map(str, incoming.origin))

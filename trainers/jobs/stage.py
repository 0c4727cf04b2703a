"""training.requested -> training.progressed | models.trained

A request becomes a row of the registry, once however often it is delivered; the worker beside this stage does the work.
What it has to tell waits in the registry's outbox and is published by a tick.
"""

from collections.abc import Sequence

from models.registry.registry import Registry
from models.registry.stores.announcements import TRAINING
from schemas.event import Event
from schemas.training import TrainingRequested
from streams.errors import BadRecord
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import MODELS_TRAINED, TRAINING_PROGRESSED, TRAINING_REQUESTED


def training_stage(registry: Registry) -> BatchStage:
    """Queues what is asked for, and tells what came of it."""

    def queued(fact: Event) -> Outcome:
        if not isinstance(fact, TrainingRequested):
            return BadRecord("unexpected_type", type(fact).__name__)
        registry.jobs.submit(fact)
        return ()

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        return [queued(incoming.fact) for incoming in batch]

    return BatchStage(
        TRAINING,
        sources=(TRAINING_REQUESTED,),
        answers=(TRAINING_PROGRESSED, MODELS_TRAINED),
        handle=handle,
        tick=registry.announcements(TRAINING).tick,
    )

"""models.trained -> models.evaluated

A candidate only becomes a row here, however often it is delivered; the evaluator beside this stage does the work. Its
verdicts wait in the registry's outbox and are published by a tick.
"""

from collections.abc import Sequence

from models.registry.registry import Registry
from models.registry.stores.announcements import EVALUATION
from schemas.training import ModelTrained
from streams.errors import BadRecord
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import MODELS_EVALUATED, MODELS_TRAINED
from trainers.evaluation.asking import ask_for


def evaluation_stage(registry: Registry) -> BatchStage:
    """Asks for the evaluation of what was trained, and tells what came of it."""

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        return [noted(incoming) for incoming in batch]

    def noted(incoming: Incoming) -> Outcome:
        if not isinstance(incoming.fact, ModelTrained):
            return BadRecord("unexpected_type", type(incoming.fact).__name__)
        ask_for(registry.evaluations, incoming.fact)
        return ()

    return BatchStage(
        "evaluation",
        sources=(MODELS_TRAINED,),
        answers=(MODELS_EVALUATED,),
        handle=handle,
        tick=registry.announcements(EVALUATION).tick,
    )

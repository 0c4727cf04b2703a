"""models.evaluated -> models.rollouts | models.released

A verdict only begins a rollout. What becomes of it is told by the tick, from where it was written down together with
what it tells of.
"""

from collections.abc import Sequence

from models.registry.registry import Registry
from models.registry.standing import Watch
from models.registry.stores.announcements import ROLLOUT
from schemas.training import ModelEvaluated
from streams.clock import Clock
from streams.errors import BadRecord, Refusal
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import MODELS_EVALUATED, MODELS_RELEASED, ROLLOUTS
from trainers.rollout.beginning import begin_by_verdict
from trainers.rollout.config import RolloutConfig


def rollout_stage(registry: Registry, watch: Watch, config: RolloutConfig, clock: Clock | None = None) -> BatchStage:
    """Begins the rollouts of models that the gate let through, and tells how rollouts get on."""

    def handle(batch: Sequence[Incoming]) -> list[Outcome]:
        return [outcome(incoming) for incoming in batch]

    def outcome(incoming: Incoming) -> Outcome:
        verdict = incoming.fact
        if not isinstance(verdict, ModelEvaluated):
            return BadRecord("unexpected_type", type(verdict).__name__)
        try:
            return begin_by_verdict(registry, watch.fresh(), verdict, config, clock)
        except Refusal as refusal:
            return refusal

    return BatchStage(
        "rollout",
        sources=(MODELS_EVALUATED,),
        answers=(ROLLOUTS, MODELS_RELEASED),
        handle=handle,
        tick=registry.announcements(ROLLOUT).tick,
    )

"""That a candidate's space may serve: it holds what the live one holds, and is searched well."""

from collections.abc import Callable, Sequence

import structlog

from models.registry.records import Rollout
from models.vector_index.port import VectorIndex
from trainers.rollout.config import RolloutConfig

logger = structlog.get_logger()


def proof(index: VectorIndex, config: RolloutConfig) -> Callable[[Rollout], str]:
    """What keeps both spaces of a rollout from being equal, in words; empty if nothing does."""

    def difference(rollout: Rollout) -> str:
        from models.vector_index.parity import compare

        found = compare(
            index,
            rollout.previous_encoder_version,
            rollout.encoder_version,
            config.verify_sample,
            config.verify_nearest,
        )
        logger.info(
            "compared two spaces",
            rollout=rollout.rollout_id,
            live=found.live,
            candidate=found.candidate,
            recall=found.recall,
            equal=found.equal,
            missing=_named(found.missing),
            stale=_named(found.stale),
            extra=_named(found.extra),
        )
        return found.difference(config.verify_recall)

    return difference


def _named(items: Sequence[tuple[str, str]]) -> list[str]:
    return ["/".join(item) for item in items]

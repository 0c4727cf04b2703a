"""One candidate at a time: what is trained meanwhile would be judged against a model that is about to go."""

from models.registry.records import JobState, RolloutState
from models.registry.registry import Registry
from models.registry.standing import Standing

ON_ITS_WAY = frozenset({RolloutState.PREPARING, RolloutState.BACKFILLING, RolloutState.VERIFYING, RolloutState.CANARY})
HANDED_ON_MS = 60_000
"""How long a fact may take from one stage to the next; whatever came of it later, training goes on."""
LOOKED_AT = 20


def candidate_on_its_way(registry: Registry, standing: Standing, now_ms: int) -> bool:
    """Whether some candidate is being judged or rolled out, or will be in a moment. A model that is watched serves."""
    if standing.rollout is not None and standing.rollout.state in ON_ITS_WAY:
        return True
    if registry.evaluations.open():
        return True
    fresh = now_ms - HANDED_ON_MS
    evaluations = registry.evaluations.list(LOOKED_AT)
    judged = {one.model_version for one in evaluations}
    trained = (job for job in registry.jobs.list(LOOKED_AT) if job.state is JobState.SUCCEEDED)
    if any((job.ended_at_ms or 0) >= fresh and job.model_version not in judged for job in trained):
        return True
    tried = {rollout.model_version for rollout in registry.rollouts.list(LOOKED_AT)}
    return any(
        one.verdict is not None
        and one.verdict.passed
        and not one.verdict.needs_approval
        and one.verdict.live_version == standing.model_version
        and (one.ended_at_ms or 0) >= fresh
        and one.model_version not in tried
        for one in evaluations
    )

"""One candidate at a time: what is trained meanwhile would be judged against a model that is about to go.

Whoever waits is told for what: by the same words that hold the trainer up.
"""

from collections.abc import Mapping

from models.registry.records import Evaluation, Job, JobState, Rollout, RolloutState
from models.registry.registry import Registry

ON_ITS_WAY = frozenset({RolloutState.PREPARING, RolloutState.BACKFILLING, RolloutState.VERIFYING, RolloutState.CANARY})
HANDED_ON_MS = 60_000
"""How long a fact may take from one stage to the next; whatever came of it later, training goes on."""
LOOKED_AT = 20


def candidate_on_its_way(registry: Registry, rollout: Rollout | None, live: str | None, now_ms: int) -> str:
    """What training waits for: a candidate that is judged or rolled out, or will be in a moment; empty if for nothing.

    A model that is watched serves. `live` is the model that serves; None where that is not known, as to a command that
    does not load the encoder of the settings.
    """
    if rollout is not None and rollout.state in ON_ITS_WAY:
        return f"the rollout of {rollout.model_version} ({rollout.state})"
    if being_judged := registry.evaluations.open():
        return f"the gate, which judges {being_judged[0].model_version}"
    fresh = now_ms - HANDED_ON_MS
    evaluations = registry.evaluations.list(LOOKED_AT)
    judged = {one.model_version for one in evaluations}
    trained = (job for job in registry.jobs.list(LOOKED_AT) if job.state is JobState.SUCCEEDED)
    for job in trained:
        if (job.ended_at_ms or 0) >= fresh and job.model_version not in judged:
            return f"the gate, which is to judge {job.model_version} in a moment"
    tried = {one.model_version for one in registry.rollouts.list(LOOKED_AT)}
    for one in evaluations:
        if _is_let_through(one, live) and (one.ended_at_ms or 0) >= fresh and one.model_version not in tried:
            return f"the rollout of {one.model_version}, which begins in a moment"
    return ""


def what_jobs_wait_for(registry: Registry, now_ms: int) -> Mapping[str, str]:
    """In words, of each job that waits or whose trainer is gone, by its id."""
    live = registry.generations.live()
    held_up = candidate_on_its_way(registry, registry.rollouts.current(), live.model_version if live else None, now_ms)
    found: dict[str, str] = {}
    before = ""
    for job in registry.jobs.open():
        if job.state is JobState.RUNNING:
            if _is_left(job, now_ms):
                found[job.job_id] = f"a trainer to take it up again: nothing was heard of {job.owner} for too long"
            before = f"job {job.job_id}, which is being trained"
            continue
        found[job.job_id] = held_up or before or "a trainer; `millrace status` shows whether the process training runs"
        before = before or f"job {job.job_id}, which goes first"
    return found


def _is_let_through(evaluation: Evaluation, live: str | None) -> bool:
    said = evaluation.verdict
    if said is None or not said.passed or said.needs_approval:
        return False
    return live is None or said.live_version == live


def _is_left(job: Job, now_ms: int) -> bool:
    return job.lease_until_ms <= now_ms

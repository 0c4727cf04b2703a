"""What is under way in the learning half, in words: which model serves, what is trained, judged and rolled out."""

import math
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from infra.settings import Settings

if TYPE_CHECKING:  # the database library is loaded by the commands that need it
    from models.registry.records import Generation, Job, Rollout
    from models.registry.registry import Registry
    from trainers.rollout.config import RolloutConfig


def under_way(registry: "Registry", settings: Settings) -> Sequence[str]:
    """A line for what serves, and one for each thing that is done or waits."""
    now_ms = int(time.time() * 1000)
    lines = [serving(registry.generations.live())]
    if (rollout := registry.rollouts.current()) is not None:
        lines.append(f"rollout of {rollout_in_words(rollout, settings.rollout, now_ms)}")
    lines += [f"gate: {one.model_version} is to be judged" for one in registry.evaluations.open()]
    waits = job_waits(registry)
    lines += [f"job {job_in_words(job, waits)}" for job in registry.jobs.open()]
    return lines


def job_waits(registry: "Registry") -> Mapping[str, str]:
    """What each job waits for, by its id."""
    from trainers.jobs.pacing import what_jobs_wait_for

    return what_jobs_wait_for(registry, int(time.time() * 1000))


def serving(live: "Generation | None") -> str:
    """Which model serves."""
    if live is None:
        return "generation 0 serves: the encoder of the settings"
    return f"generation {live.number} serves: {live.model_version}"


def job_in_words(job: "Job", waits: Mapping[str, str]) -> str:
    """How far a job is, what came out, or what it waits for."""
    if job.model_version:
        return f"{job.job_id}: {job.state.value}, {job.model_version}{_because(job.reason)}"
    if job.state.ended:
        return f"{job.job_id}: {job.state.value}{_because(job.reason)}"
    waiting = f", waits for {reason}" if (reason := waits.get(job.job_id)) else ""
    called_off = ", is being called off" if job.cancel_asked else ""
    at_work = "" if job.state.value == "queued" else f"{job.progress.phase}{_steps(job)}"
    return f"{job.job_id}: {at_work or 'queued'}{called_off}{waiting}"


def rollout_in_words(rollout: "Rollout", config: "RolloutConfig", now_ms: int) -> str:
    """What is done in the step that a rollout is in, and what that waits for."""
    from models.registry.records import RolloutState
    from trainers.rollout.steps import backfilled, entered_ms

    here_s = max(0, now_ms - entered_ms(rollout)) / 1000
    found = backfilled(rollout)
    words = {
        RolloutState.PREPARING: "search loads it, and new items are embedded with it too",
        RolloutState.BACKFILLING: f"{found.done} of {found.total} older items are embedded anew",
        RolloutState.VERIFYING: "both spaces are compared",
        RolloutState.CANARY: _canary(rollout, config, here_s),
        RolloutState.WATCHING: f"it serves, and is watched for another {_left(config.watch_s, here_s)}",
    }
    return f"{rollout.model_version}: {rollout.state.value}, {words.get(rollout.state, rollout.reason)}"


def _canary(rollout: "Rollout", config: "RolloutConfig", here_s: float) -> str:
    from trainers.rollout.guardrails.counting import searches_of_new
    from trainers.rollout.guardrails.stage import MARK

    given = searches_of_new(rollout.marks.get(MARK))
    if given >= config.canary_searches:
        return f"{given} searches were given to it, another {_left(config.canary_s, here_s)} to go"
    return (
        f"{given} of {config.canary_searches} searches were given to it, {rollout.share:.0%} of all; "
        f"without more it goes on in {_left(config.canary_limit_s, here_s)}"
    )


def _left(whole_s: float, gone_s: float) -> str:
    return str(timedelta(seconds=max(0, math.ceil(whole_s - gone_s))))


def _steps(job: "Job") -> str:
    """Of the phase that counts them, once it does."""
    progress = job.progress
    if progress.phase != "training" or progress.steps <= 1:
        return ""
    loss = f", loss {progress.loss:.3f}" if progress.step and math.isfinite(progress.loss) else ""
    return f", step {progress.step} of {progress.steps}{loss}"


def _because(reason: str) -> str:
    return f", {reason}" if reason else ""

"""How a rollout begins: by a verdict of the gate, or by a person who has the last word."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from models.registry.records import Model, Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.standing import Standing, Watch
from schemas.event import Event, new_traceparent
from schemas.training import ModelEvaluated, RolloutProgressed
from streams.clock import Clock, SystemClock
from streams.errors import BadRecord, Refusal
from trainers.rollout.config import RolloutConfig
from trainers.rollout.telling import FAILED, told_of_beginning

LOOKED_AT = 100
"""Verdicts and rollouts, the latest ones, among which a waiting verdict is looked for."""


class NotReleasable(Refusal):
    """What a person asked for cannot be done now, and nothing was changed. The detail says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for."""

    by: str = "a person"
    reason: str = ""
    force: bool = False
    """Even if the gate did not let it through."""
    canary_share: float | None = None
    """None is what the settings say, and no canary by force."""
    dry_run: bool = False
    """Only see whether it can be done."""
    cause: Event | None = None
    """What asked for it, and gives the rollout its id: the same again begins nothing new. None is a new event."""

    def asked(self) -> Event:
        """The cause of all that follows."""
        return self.cause or Event(event_id=uuid4(), traceparent=new_traceparent())


def promote(
    registry: Registry, watch: Watch, config: RolloutConfig, version: str, wish: Wish, clock: Clock | None = None
) -> Rollout:
    """Begins the rollout of a model that the gate let through, or of any model by force.

    Whoever asks for one whose verdict needs approval approves it. Raises NotReleasable.
    """
    cause = wish.asked()
    if (known := registry.rollouts.get(str(cause.event_id))) is not None:
        return known
    standing = watch.fresh()
    model = registry.models.get(version)
    if model is None:
        raise NotReleasable("unknown_model", f"there is no model {version}; `millrace models list` shows what there is")
    _require_free(standing, version)
    if not wish.force:
        _require_verdict(registry.evaluations.latest(version), standing, version)
    usual = 0.0 if wish.force else config.canary_share
    share = usual if wish.canary_share is None else wish.canary_share
    rollout = rollout_of(cause, model, standing, share, wish.by, _now_ms(clock), wish.force, wish.reason)
    if not wish.dry_run and not registry.rollouts.begin(rollout, told_of_beginning(rollout)):
        raise NotReleasable("rollout_under_way", "another rollout has just begun; `millrace rollback` gives it up")
    return rollout


def begin_by_verdict(
    registry: Registry, standing: Standing, verdict: ModelEvaluated, config: RolloutConfig, clock: Clock | None = None
) -> Sequence[Event]:
    """Begins the rollout of a model that the gate let through; what is to be told beside it. May be repeated.

    While another rollout is under way the verdict waits: `waiting_verdict` finds it once that has ended, if what it
    was judged against serves still. So a rollout that is under way is never overtaken by candidates that are trained
    faster than items are embedded. A model that had a rollout is not tried again by itself, whatever the gate says of
    it later: it may have been sent back for what the gate cannot see.

    Raises BadRecord for a model that is not registered.
    """
    if not _is_automatic(verdict, config) or registry.rollouts.get(str(verdict.event_id)) is not None:
        return ()
    if _is_stale(verdict, standing) and standing.rollout is None:
        why = f"it was compared with {verdict.live_version}, and {standing.model_version} serves"
        return (_told_left(verdict, why),)
    if verdict.model_version in _tried(registry):
        return (_told_left(verdict, "it was on its way before; `millrace release` tries it again"),)
    model = registry.models.get(verdict.model_version)
    if model is None:
        raise BadRecord("unknown_model", f"{verdict.model_version} is not registered")
    if standing.rollout is None:
        rollout = rollout_of(verdict, model, standing, config.canary_share, "gate", _now_ms(clock))
        registry.rollouts.begin(rollout, told_of_beginning(rollout))
    return ()


def waiting_verdict(registry: Registry, standing: Standing, config: RolloutConfig) -> ModelEvaluated | None:
    """The latest verdict that may still begin a rollout."""
    tried = _tried(registry)
    for evaluation in registry.evaluations.list(LOOKED_AT):
        verdict = evaluation.verdict
        if verdict is None or not _is_automatic(verdict, config) or _is_stale(verdict, standing):
            continue
        if verdict.model_version not in tried and registry.models.get(verdict.model_version) is not None:
            return verdict
    return None


def rollout_of(
    cause: Event,
    model: Model,
    standing: Standing,
    share: float,
    by: str,
    now_ms: int,
    forced: bool = False,
    reason: str = "",
) -> Rollout:
    """A rollout at its beginning."""
    return Rollout(
        rollout_id=str(cause.event_id),
        model_version=model.version,
        encoder_version=model.encoder_version,
        previous_version=standing.model_version,
        previous_encoder_version=standing.encoder_version,
        state=RolloutState.PREPARING,
        share=share,
        forced=forced,
        requested_by=by,
        traceparent=cause.traceparent,
        began_at_ms=now_ms,
        changed_at_ms=now_ms,
        reason=reason,
    )


def _is_automatic(verdict: ModelEvaluated, config: RolloutConfig) -> bool:
    return config.automatic and verdict.passed and not verdict.needs_approval


def _is_stale(verdict: ModelEvaluated, standing: Standing) -> bool:
    """Another model serves than the one it was compared with, or it serves itself."""
    compared = verdict.live_version in (None, standing.model_version)
    return not compared or verdict.model_version == standing.model_version


def _tried(registry: Registry) -> set[str]:
    """Models that had a rollout, of the latest ones."""
    return {rollout.model_version for rollout in registry.rollouts.list(LOOKED_AT)}


def _told_left(verdict: ModelEvaluated, why: str) -> RolloutProgressed:
    return RolloutProgressed.following(
        verdict,
        "stale",
        occurred_at=verdict.occurred_at,
        rollout_id=str(verdict.event_id),
        model_version=verdict.model_version,
        previous_version=verdict.live_version,
        step="prepare",
        state=FAILED,
        detail=f"not released: {why}",
    )


def _require_free(standing: Standing, version: str) -> None:
    if standing.model_version == version:
        raise NotReleasable("serves_already", f"{version} serves already, as generation {standing.generation}")
    if (other := standing.rollout) is not None:
        raise NotReleasable(
            "rollout_under_way",
            f"the rollout of {other.model_version} is under way ({other.state}); wait for its end, or give it up with "
            "`millrace rollback`",
        )


def _require_verdict(verdict: ModelEvaluated | None, standing: Standing, version: str) -> None:
    if verdict is None:
        raise NotReleasable(
            "not_judged", f"the gate has not judged {version}; run `millrace eval {version}`, or add --force"
        )
    if not verdict.passed:
        reasons = "; ".join(verdict.reasons) or "it gave no reason"
        raise NotReleasable(
            "refused_by_gate", f"the gate refused {version}: {reasons}. Add --force to release it all the same"
        )
    if _is_stale(verdict, standing):
        raise NotReleasable(
            "stale_verdict",
            f"{version} was compared with {verdict.live_version}, and {standing.model_version} serves; run "
            f"`millrace eval {version}` again, or add --force",
        )


def _now_ms(clock: Clock | None) -> int:
    return int((clock or SystemClock()).time() * 1000)

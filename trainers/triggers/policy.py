"""Whether what happened asks for training, and why. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from schemas.training import TriggerCause
from trainers.triggers.config import TriggersConfig
from trainers.triggers.drift import Cloud, Use, chance_of_loss, shift, stability_index
from trainers.triggers.tally import Tally


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known at the end of a window."""

    before: Tally
    """Up to the last request, or what came first where there was none."""
    since: Tally
    """Since then."""
    newest: Callable[[], Iterable[Tally]]
    """The windows of that, the newest first."""
    quiet_s: float
    """Since the last request, or since the beginning."""
    asked_before: bool


class Pull(NamedTuple):
    """A cause that asks, with the measure that crossed its threshold."""

    cause: TriggerCause
    detail: str


def pulled(situation: Situation, config: TriggersConfig) -> Pull | None:
    """The most urgent cause that asks now. A run that it starts answers the others as well."""
    if situation.asked_before and situation.quiet_s < config.cool_down_s:
        return None
    for cause in config.causes:
        if cause in _JUDGES and (detail := _JUDGES[cause](situation, config)):
            return Pull(cause, detail)
    return None


def _labels(now: Situation, config: TriggersConfig) -> str:
    known, new = now.before.labelled, now.since.new_labels(now.before)
    wanted = max(config.labels, round(config.labels_share * known)) if now.asked_before else config.labels
    return f"{new} new labels, {wanted} ask for training" if new >= wanted else ""


def _withdrawal(now: Situation, config: TriggersConfig) -> str:
    if now.since.erased >= config.erased_items:
        return f"{now.since.erased} items erased, {config.erased_items} ask for training"
    if now.since.deleted >= config.withdrawn_items:
        return f"{now.since.deleted} items deleted, {config.withdrawn_items} ask for training"
    return ""


def _schedule(now: Situation, config: TriggersConfig) -> str:
    if config.schedule_s is None or now.quiet_s < config.schedule_s:
        return ""
    return f"{now.quiet_s:.0f} s since the last request, every {config.schedule_s:.0f} s asks for training"


def _drift(now: Situation, config: TriggersConfig) -> str:
    if min(now.before.items, now.since.items) < config.drift_items:
        return ""
    recent = _just_enough(now.newest(), lambda tally: tally.items >= config.drift_items)
    for trait, counts in sorted(now.before.inputs.items()):
        index = stability_index(counts, recent.inputs.get(trait, {}))
        if index > config.drift_inputs:
            return f"{trait} of inputs: stability index {index:.3f} above {config.drift_inputs:g}"
    clouds = now.before.clouds  # vectors of two models are never compared
    moved = max((shift(clouds.get(version, Cloud()), cloud) for version, cloud in recent.clouds.items()), default=0.0)
    if moved > config.drift_embeddings:
        return f"embeddings: shift {moved:.3f} of their variance above {config.drift_embeddings:g}"
    return ""


def _just_enough(newest: Iterable[Tally], enough: Callable[[Tally], bool]) -> Tally:
    """As few of the newest windows as it takes."""
    recent = Tally()
    for tally in newest:
        recent = tally + recent
        if enough(recent):
            break
    return recent


def _regression(now: Situation, config: TriggersConfig) -> str:
    everything = now.before + now.since
    version = everything.live or max((str(key[1]) for key in now.since.uses), default="")

    def enough(tally: Tally) -> bool:
        return tally.use_of(version).searches >= config.regression_searches

    if not enough(now.since):
        return ""
    after = _just_enough(now.newest(), enough).use_of(version)
    whole = everything.use_of(version)
    before = Use(whole.searches - after.searches, whole.clicked - after.clicked)
    if before.searches < config.regression_searches or before.rate == 0:
        return ""
    lost, chance = 1 - after.rate / before.rate, chance_of_loss(before, after)
    if lost < config.regression_drop or chance > config.regression_alpha:
        return ""
    return f"click rate of {version} fell from {before.rate:.3f} to {after.rate:.3f} over {after.searches} searches"


_JUDGES: Mapping[TriggerCause, Callable[[Situation, TriggersConfig], str]] = {
    TriggerCause.LABELS: _labels,
    TriggerCause.WITHDRAWAL: _withdrawal,
    TriggerCause.SCHEDULE: _schedule,
    TriggerCause.DRIFT: _drift,
    TriggerCause.REGRESSION: _regression,
}

"""The demo's wheel: waits for turns that come by themselves, then tries what must not get through."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from infra.demo.report import Refused, RolledBack, SwitchTraffic, Turn, WheelTurned
from infra.demo.wheel.degraded import publish_degraded
from infra.demo.wheel.traffic import Traffic, cosines, mixed
from infra.settings import Settings
from infra.wiring.workshop import Workshop
from models.registry.records import Evaluation, Generation, Job, Model, Rollout
from schemas.training import EVERYTHING, Metric, ModelEvaluated, ReleaseKind
from streams.errors import MillraceError, Unavailable

TURN_S = 240.0
"""Longest wait for a generation."""
VERDICT_S = 120.0
BACK_S = 120.0
POLL_S = 0.25

Say = Callable[[str], None]
T = TypeVar("T")


def turned(
    settings: Settings,
    folder: Path,
    say: Say,
    run: Callable[..., bytes],
    traffic: Traffic,
    between: Callable[[], None],
) -> WheelTurned:
    """Two turns by themselves, a candidate that is refused, and the same one forced through and sent back.

    `between` brings what the second turn has to learn.
    """
    workshop = Workshop(settings)
    with workshop.close:
        wheel = Wheel(workshop, folder, say, run)
        try:
            first = wheel.turn(1)
            between()
            turns = [first, wheel.turn(2)]
            wheel.settle()
            refused = wheel.refused()
            rolled_back = wheel.rolled_back(refused.model)
        finally:
            traffic.stop()
        say(f"looking through the answers to {traffic.searches} searches")
        return WheelTurned(
            turns=turns,
            refused=refused,
            rolled_back=rolled_back,
            switch_traffic=traffic_of(traffic, workshop, folder),
        )


def traffic_of(traffic: Traffic, workshop: Workshop, folder: Path) -> SwitchTraffic:
    """What became of the searches, each looked at again with the model that it names."""
    items = (item for answer in traffic.answers for item in answer.scores)
    cosine = cosines(workshop.shelf.get, lambda item: (folder / item).read_bytes(), items)
    return SwitchTraffic(
        searches=traffic.searches,
        failed=len(traffic.failed),
        mixed=mixed(traffic.answers, cosine),
        by_model=dict(Counter(answer.model_version for answer in traffic.answers)),
        longest_gap_s=round(traffic.longest_gap_s(), 3),
    )


@dataclass
class Wheel:
    """Looks on by the registry."""

    workshop: Workshop
    folder: Path
    say: Say
    run: Callable[..., bytes]
    """Runs a command of the command line."""

    def turn(self, number: int) -> Turn:
        """The next release that the loop makes by itself. Raises Unavailable if none comes."""
        known = {one.number for one in self._releases()}
        self.say(f"turn {number}: waiting for enough labels, training, the gate and the switch")
        generation = self._await(lambda: self._new_release(known), TURN_S, f"turn {number} did not come")
        turn = self._told(generation)
        self.say(
            f"turn {number}: generation {turn.generation} serves; {turn.metric} {turn.before:.3f} -> {turn.after:.3f} "
            f"(95% of the gain: {turn.low:+.3f} to {turn.high:+.3f})"
        )
        return turn

    def settle(self) -> None:
        """Waits until no rollout is under way."""
        rollouts = self.workshop.registry.rollouts
        self._await(lambda: rollouts.current() is None or None, TURN_S, "a rollout did not end")

    def refused(self) -> Refused:
        """Offers a degraded candidate to the gate."""
        self.say("a degraded candidate is offered to the gate")
        model = publish_degraded(self.workshop, self.folder, seed=1)
        verdict = self._await(
            lambda: self.workshop.registry.evaluations.latest(model.version), VERDICT_S, "the gate gave no verdict"
        )
        before, after = _values(primary(verdict))
        self.say(f"the gate {'let it through' if verdict.passed else 'refused it'}: {verdict.reasons[0]}")
        reasons = list(verdict.reasons)
        return Refused(model=model.version, passed=verdict.passed, reasons=reasons, before=before, after=after)

    def rolled_back(self, version: str) -> RolledBack:
        """Forces the refused candidate through, and waits until the guardrails have sent it back."""
        self.say("the same candidate is forced through: all searches go to it")
        began = time.monotonic()
        self.run("release", version, "--force", "--yes")
        forced = self._await(lambda: self._live_is(version), BACK_S, "the forced release did not go live")
        live_at = time.monotonic()
        back = self._await(lambda: self._back_from(forced), BACK_S, "the guardrails did not send it back")
        seconds = time.monotonic() - live_at
        self.say(f"the guardrails sent it back after {seconds:.1f} s: {back.reason}")
        return RolledBack(
            model=version,
            generation=forced.number,
            back_generation=back.number,
            reason=back.reason,
            seconds_to_live=round(live_at - began, 1),
            seconds_to_back=round(seconds, 1),
        )

    def _told(self, generation: Generation) -> Turn:
        registry, version = self.workshop.registry, generation.model_version
        model = registry.models.get(version)
        job = registry.jobs.get(model.job_id) if model else None
        done = [
            one for one in registry.evaluations.list(50) if one.model_version == version and one.verdict is not None
        ]
        rollout = next((one for one in registry.rollouts.list(50) if one.generation == generation.number), None)
        if model is None or job is None or not done or rollout is None:
            raise MillraceError(f"{version} was released, but not everything is known of how it came about")
        rows = self.workshop.snapshots.get(model.snapshot_sha256).rows
        labels = Counter(label.arm.value for row in rows for label in row.labels)
        return turn_of(generation, Making(model, job, done[0], rollout), dict(labels))

    def _releases(self) -> list[Generation]:
        history = self.workshop.registry.generations.history(100)
        return [one for one in history if one.kind is ReleaseKind.RELEASE]

    def _new_release(self, known: set[int]) -> Generation | None:
        return next((one for one in self._releases() if one.number not in known), None)

    def _live_is(self, version: str) -> Generation | None:
        live = self.workshop.registry.generations.live()
        return live if live is not None and live.model_version == version else None

    def _back_from(self, forced: Generation) -> Generation | None:
        live = self.workshop.registry.generations.live()
        return live if live is not None and live.number > forced.number else None

    def _await(self, look: Callable[[], T | None], limit_s: float, what: str) -> T:
        deadline = time.monotonic() + limit_s
        while (found := look()) is None:
            if time.monotonic() > deadline:
                raise Unavailable(f"{what} within {limit_s:.0f} s; see the logs in {self.folder}/logs")
            time.sleep(POLL_S)
        return found


class Making(NamedTuple):
    """All that led to a release."""

    model: Model
    job: Job
    evaluation: Evaluation
    rollout: Rollout


def turn_of(generation: Generation, making: Making, labels: dict[str, int]) -> Turn:
    """What a turn came to. Pure."""
    verdict = making.evaluation.verdict
    assert verdict is not None
    metric = primary(verdict)
    before, after = _values(metric)
    return Turn(
        generation=generation.number,
        model=generation.model_version,
        cause=making.job.cause,
        metric=metric.name,
        before=before,
        after=after,
        low=round(metric.low or 0.0, 4),
        high=round(metric.high or 0.0, 4),
        items=verdict.items,
        labels=labels,
        seconds=seconds_of(generation, making),
    )


def seconds_of(generation: Generation, making: Making) -> dict[str, float]:
    """From the request to the switch, by step; `between` is what passes from one step to the next."""
    noted = making.model.facts.get("seconds")
    steps = {name: float(str(took)) for name, took in noted.items()} if isinstance(noted, dict) else {}
    judged = making.evaluation
    steps["evaluation"] = ((judged.ended_at_ms or judged.asked_at_ms) - judged.asked_at_ms) / 1000
    until_live = ("prepare", "backfill", "verify", "canary", "switch")
    steps |= {name: making.rollout.steps[name] for name in until_live if name in making.rollout.steps}
    started_ms = making.job.started_at_ms or making.job.submitted_at_ms
    steps["queue"] = (started_ms - making.job.submitted_at_ms) / 1000
    total = (generation.at_ms - making.job.submitted_at_ms) / 1000
    between = total - sum(steps.values())
    return {name: round(took, 2) for name, took in {**steps, "between": between, "total": total}.items()}


def primary(verdict: ModelEvaluated) -> Metric:
    """The measure that decided: the first of all items. Raises MillraceError where there is none."""
    found = next((one for one in verdict.metrics if one.slice == EVERYTHING and one.live is not None), None)
    if found is None:
        raise MillraceError(f"nothing was measured of {verdict.model_version}: {'; '.join(verdict.reasons)}")
    return found


def _values(metric: Metric) -> tuple[float, float]:
    return round(metric.live or 0.0, 4), round(metric.candidate, 4)

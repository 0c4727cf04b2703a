"""Leads a rollout through its steps, from wherever it stands: killed at any moment, it goes on from the row.

Every step is one compare-and-swap of that row, told in the same transaction. So any number of conductors may look at
once, and each step is done and told by one of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from models.registry.records import Rollout, RolloutState
from models.registry.registry import Registry
from models.registry.standing import Standing, Watch
from models.registry.stores.announcements import ROLLOUT, announce
from schemas.training import ReleaseKind
from streams.clock import Clock, SystemClock
from streams.errors import MillraceError
from streams.patrol import Patrol
from streams.retry import BackoffConfig
from trainers.rollout.beginning import begin_by_verdict, waiting_verdict
from trainers.rollout.config import RolloutConfig
from trainers.rollout.guardrails.counting import searches_of_new
from trainers.rollout.guardrails.stage import MARK
from trainers.rollout.steps import Facts, backfilled, brought_back, is_switch, moved, next_step
from trainers.rollout.telling import DONE, step_told, told_of_move

REMEMBERED = 50
"""Ended rollouts, the latest ones, whose spaces may still be there."""
SEEK_EVERY_S = 10.0
"""Between looks for a verdict that waits, while nothing is under way."""

logger = structlog.get_logger()


class Spaces(Protocol):
    """The vector spaces of a deployment."""

    def spaces(self) -> Sequence[str]:
        """Those that are there."""
        ...

    def drop(self, model_version: str) -> bool:
        """Removes one; whether it was there."""
        ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of the spaces of a rollout."""

    rollout_id: str
    difference: str
    again_at_s: float


class Conductor:
    """A service; one in each process that holds the index."""

    def __init__(
        self,
        registry: Registry,
        watch: Watch,
        spaces: Spaces,
        ready: Callable[[], frozenset[str]],
        difference: Callable[[Rollout], str],
        config: RolloutConfig,
        clock: Clock | None = None,
    ) -> None:
        """`ready` knows encoder versions that can answer searches here; `difference` is the proof (proof.py)."""
        self._registry = registry
        self._watch = watch
        self._spaces = spaces
        self._ready = ready
        self._difference = difference
        self._config = config
        self._clock = clock or SystemClock()
        self._sought_at_s: float | None = None
        self._comparison: Comparison | None = None
        self._patrol = Patrol("rollout", self.look, config.look_every_s, BackoffConfig())

    def start(self) -> None:
        """Begins to look."""
        self._patrol.start()

    def ready(self) -> str | None:
        """None while it works, else the reason."""
        return self._patrol.ready()

    def stop(self) -> None:
        """After the step in hand."""
        self._patrol.stop()

    def look(self) -> bool:
        """Takes the step that is due, if there is one; whether there may be another at once. Raises MillraceError."""
        standing = self._watch.fresh()
        self._tidy(standing)
        if standing.rollout is not None:
            self._sought_at_s = None
            return self._lead(standing.rollout, standing)
        return self._begin(standing)

    def _begin(self, standing: Standing) -> bool:
        """What waited while another was under way; else the stage begins a rollout as soon as the gate has spoken."""
        now_s = self._clock.monotonic()
        if self._sought_at_s is not None and now_s - self._sought_at_s < SEEK_EVERY_S:
            return False
        self._sought_at_s = now_s
        verdict = waiting_verdict(self._registry, standing, self._config)
        if verdict is not None:
            begin_by_verdict(self._registry, standing, verdict, self._config, self._clock)
        return verdict is not None

    def _lead(self, rollout: Rollout, standing: Standing) -> bool:
        if (back := brought_back(rollout, int(self._clock.time() * 1000))) is not None:
            logger.warning("the clock was ahead", rollout=rollout.rollout_id, state=rollout.state)
            return self._registry.rollouts.change(back) is not None
        facts = self._facts(rollout, standing)
        move = next_step(rollout, facts, self._config)
        if move is None:
            return False
        after = moved(rollout, move, facts.now_ms, self._config)
        told = told_of_move(rollout, after)
        if is_switch(rollout, move):
            changed = self._registry.rollouts.switch(
                after, standing.generation, ReleaseKind.RELEASE, _why(rollout), rollout.requested_by, told
            )
        else:
            changed = self._registry.rollouts.change(after, told)
        if changed is not None:
            logger.info("a rollout moves on", rollout=rollout.rollout_id, state=changed.state, reason=changed.reason)
        return True

    def _facts(self, rollout: Rollout, standing: Standing) -> Facts:
        verifying = rollout.state is RolloutState.VERIFYING
        anew = backfilled(rollout)
        return Facts(
            now_ms=int(self._clock.time() * 1000),
            live_version=standing.model_version,
            served=rollout.encoder_version in self._ready(),
            backfilled=anew.complete,
            impossible=anew.impossible,
            difference=self._compared(rollout) if verifying else "",
            searches=searches_of_new(rollout.marks.get(MARK)),
        )

    def _compared(self, rollout: Rollout) -> str:
        """Looked for anew now and then: it takes a walk over all items, and rests for as long as that took."""
        known, began_s = self._comparison, self._clock.monotonic()
        if known is not None and known.rollout_id == rollout.rollout_id and began_s < known.again_at_s:
            return known.difference
        try:
            difference = self._difference(rollout)
        except MillraceError as error:  # bounded as any other difference
            difference = str(error)
        ended_s = self._clock.monotonic()
        rest_s = max(self._config.verify_every_s, ended_s - began_s)
        self._comparison = Comparison(rollout.rollout_id, difference, ended_s + rest_s)
        return difference

    def _tidy(self, standing: Standing) -> None:
        """Removes the spaces that ended rollouts have left behind, once nobody works with them any more."""
        there = set(self._spaces.spaces()) - set(standing.written)
        ended = [one for one in self._registry.rollouts.list(REMEMBERED) if one.state.ended] if there else []
        left = {space: one for one in reversed(ended) if (space := _left_behind(one)) in there}
        now_ms = int(self._clock.time() * 1000)
        if not left or now_ms - ended[0].changed_at_ms < 1000 * self._config.drain_s:
            return
        for space, rollout in left.items():
            again = space in self._watch.fresh().written  # another rollout of it may have begun since we looked
            if not again and self._spaces.drop(space):
                self._tell_drained(rollout, now_ms)

    def _tell_drained(self, rollout: Rollout, now_ms: int) -> None:
        seconds = (now_ms - rollout.changed_at_ms) / 1000
        told = step_told(replace(rollout, changed_at_ms=now_ms), "drain", DONE, seconds)
        with self._registry.engine.begin() as connection:
            announce(connection, ROLLOUT, [told])


def _left_behind(rollout: Rollout) -> str | None:
    """The space that nobody needs since the rollout ended."""
    if rollout.same_space:
        return None
    return rollout.previous_encoder_version if rollout.state is RolloutState.DONE else rollout.encoder_version


def _why(rollout: Rollout) -> str:
    if rollout.reason:
        return rollout.reason
    return "forced" if rollout.forced else "the gate let it through"

"""The way of a candidate, as a pure function: where a rollout stands and what is the case, to where it goes next.

    preparing -> backfilling -> verifying -> canary -> watching -> done
        |             |             |           |          |
        +-------------+-- aborted --+-----------+          +-> rolled_back

Going to `watching` is the switch. Without a share for the canary that is left out. A head works in the space that
serves already: searches cannot tell it from the one before, so it goes from preparing to done, and that is its switch.
The seconds of all steps add up to the time since the beginning, so that no moment between trigger and live is without
a name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from models.registry.records import Rollout, RolloutState
from trainers.rollout.config import RolloutConfig

AHEAD_MS = 1000
"""So far clocks may disagree, which wait for no longer than that."""
STEPS = {
    RolloutState.PREPARING: "prepare",
    RolloutState.BACKFILLING: "backfill",
    RolloutState.VERIFYING: "verify",
    RolloutState.CANARY: "canary",
    RolloutState.WATCHING: "watch",
}
"""What is done in a state, in the words of RolloutProgressed."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is the case."""

    now_ms: int
    live_version: str
    """The model that serves."""
    served: bool = False
    """Searches can be answered by the candidate."""
    backfilled: bool = False
    """Older items are embedded anew, all of them."""
    impossible: str = ""
    """Why items cannot be embedded with it, older or new ones."""
    difference: str = ""
    """What keeps both spaces from being equal; looked for while verifying only."""
    searches: int = 0
    """Those that the lot has given to the candidate."""


class Move(NamedTuple):
    """To a state, and why."""

    to: RolloutState
    reason: str = ""


def next_step(rollout: Rollout, facts: Facts, config: RolloutConfig) -> Move | None:
    """Where the rollout goes now; None while it stays."""
    if rollout.state.ended:
        return None
    if rollout.state is not RolloutState.WATCHING and facts.live_version != rollout.previous_version:
        return Move(
            RolloutState.ABORTED, f"{facts.live_version} serves, not {rollout.previous_version} that it was to follow"
        )
    if rollout.state is not RolloutState.WATCHING and facts.impossible:  # what was left out would be missing for good
        return Move(RolloutState.ABORTED, f"items cannot be embedded with it: {facts.impossible}")
    return _WAYS[rollout.state](rollout, facts, config)


def moved(rollout: Rollout, move: Move, now_ms: int, config: RolloutConfig) -> Rollout:
    """The rollout in its next state, with the time of the step that ended."""
    step = STEPS[rollout.state]
    return replace(
        rollout,
        state=move.to,
        share=config.holdback_share if move.to is RolloutState.WATCHING else rollout.share,
        reason=move.reason or rollout.reason,
        changed_at_ms=now_ms,
        steps={**rollout.steps, step: max(0, now_ms - entered_ms(rollout)) / 1000},
    )


def brought_back(rollout: Rollout, now_ms: int) -> Rollout | None:
    """The rollout as if it had come to its state now, if that seems to lie ahead; None where it does not.

    The clock jumped ahead, and back: else the rollout would wait, and the guardrails would not look, for as long as
    that jump was. What a step took too long by is taken off it, from the last one on, so that the sum stays right. No
    wait is shortened by it.
    """
    if (ahead_ms := entered_ms(rollout) - now_ms) <= AHEAD_MS:
        return None
    steps = dict(rollout.steps)
    for step in reversed([name for name in STEPS.values() if name in steps]):
        taken_ms = min(ahead_ms, round(1000 * steps[step]))
        steps[step] = (round(1000 * steps[step]) - taken_ms) / 1000
        ahead_ms -= taken_ms
    return replace(rollout, steps=steps, began_at_ms=rollout.began_at_ms - ahead_ms)


class Backfilled(BaseModel):
    """How far older items are embedded anew, as the process that embeds them writes it into the rollout."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    complete: bool = False
    impossible: str = ""
    done: int = 0
    total: int = 0


def backfilled(rollout: Rollout) -> Backfilled:
    """Of this rollout."""
    return Backfilled.model_validate(rollout.marks.get("backfill") or {})


def is_switch(rollout: Rollout, move: Move) -> bool:
    """Whether another model serves after this move."""
    serves = (RolloutState.WATCHING, RolloutState.DONE)
    return move.to is RolloutState.ROLLED_BACK or (rollout.state is not RolloutState.WATCHING and move.to in serves)


def entered_ms(rollout: Rollout) -> int:
    """When it came to its state."""
    return rollout.began_at_ms + round(1000 * sum(rollout.steps.values()))


def _preparing(rollout: Rollout, facts: Facts, config: RolloutConfig) -> Move | None:
    if rollout.same_space:
        return Move(RolloutState.DONE)
    here_s = _here_s(rollout, facts)
    if facts.served and here_s >= config.settle_s:
        return Move(RolloutState.BACKFILLING)
    return _given_up(here_s > config.prepare_s + config.settle_s, "it could not be loaded for searches in time")


def _backfilling(rollout: Rollout, facts: Facts, config: RolloutConfig) -> Move | None:
    if facts.backfilled:
        return Move(RolloutState.VERIFYING)
    late = _here_s(rollout, facts) > config.backfill_s
    return _given_up(late, f"older items were not embedded anew within {config.backfill_s:g} s")


def _verifying(rollout: Rollout, facts: Facts, config: RolloutConfig) -> Move | None:
    if not facts.difference:
        return _tried(rollout)
    return _given_up(_here_s(rollout, facts) > config.verify_s, f"the spaces differ: {facts.difference}")


def _canary(rollout: Rollout, facts: Facts, config: RolloutConfig) -> Move | None:
    """Where few people search the gate's word must do: no harm was seen, and the guardrails go on watching."""
    here_s = _here_s(rollout, facts)
    enough = facts.searches >= config.canary_searches or here_s >= config.canary_limit_s
    return Move(RolloutState.WATCHING) if here_s >= config.canary_s and enough else None


def _watching(rollout: Rollout, facts: Facts, config: RolloutConfig) -> Move | None:
    return Move(RolloutState.DONE) if _here_s(rollout, facts) >= config.watch_s else None


_WAYS: dict[RolloutState, Callable[[Rollout, Facts, RolloutConfig], Move | None]] = {
    RolloutState.PREPARING: _preparing,
    RolloutState.BACKFILLING: _backfilling,
    RolloutState.VERIFYING: _verifying,
    RolloutState.CANARY: _canary,
    RolloutState.WATCHING: _watching,
}


def _tried(rollout: Rollout) -> Move:
    """To a share of the searches, or at once to all of them."""
    return Move(RolloutState.CANARY if rollout.share > 0 else RolloutState.WATCHING)


def _given_up(late: bool, reason: str) -> Move | None:
    return Move(RolloutState.ABORTED, reason) if late else None


def _here_s(rollout: Rollout, facts: Facts) -> float:
    return (facts.now_ms - entered_ms(rollout)) / 1000

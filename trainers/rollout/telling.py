"""What is told of a rollout: each step that began or ended, under ids computed from what asked for the rollout."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from models.registry.records import Rollout, RolloutState
from schemas.event import Event
from schemas.training import RolloutProgressed
from trainers.rollout.steps import STEPS, Move, backfilled, is_switch

BEGAN, DONE, FAILED = "began", "done", "failed"


def told_of_beginning(rollout: Rollout) -> list[Event]:
    """To be announced with the rollout's first row."""
    return [step_told(rollout, STEPS[rollout.state], BEGAN, detail=rollout.reason)]


def told_of_move(before: Rollout, after: Rollout) -> list[Event]:
    """To be announced in the transaction that moves it."""
    return list(_told(before, after))


def _told(before: Rollout, after: Rollout) -> Iterator[Event]:
    step = STEPS[before.state]
    failed = after.state in (RolloutState.ABORTED, RolloutState.ROLLED_BACK)
    reason = after.reason if failed else ""
    seconds = after.steps.get(step, 0.0)
    found = backfilled(before)
    count = (found.done, found.total) if before.state is RolloutState.BACKFILLING else (0, 0)
    yield step_told(after, step, FAILED if failed else DONE, seconds, count, reason)
    if is_switch(before, Move(after.state)) and not failed:
        yield step_told(after, "switch", DONE)
    if after.state is RolloutState.ROLLED_BACK:
        yield step_told(after, "roll_back", DONE, detail=reason)
    if not after.state.ended:
        yield step_told(after, STEPS[after.state], BEGAN)
    elif not after.same_space:
        yield step_told(after, "drain", BEGAN)


def step_told(
    rollout: Rollout,
    step: str,
    state: str,
    seconds: float = 0.0,
    count: tuple[int, int] = (0, 0),
    detail: str = "",
) -> RolloutProgressed:
    """A step of a rollout begins or ends once: that is its id."""
    return RolloutProgressed.following(
        asked_by(rollout),
        f"{step}/{state}",
        occurred_at=datetime.fromtimestamp(rollout.changed_at_ms / 1000, UTC),
        rollout_id=rollout.rollout_id,
        model_version=rollout.model_version,
        previous_version=rollout.previous_version,
        step=step,
        state=state,
        seconds=seconds,
        done=count[0],
        total=count[1],
        detail=detail,
    )


def asked_by(rollout: Rollout) -> Event:
    """What asked for it, as far as ids and traces of its consequences need it."""
    return Event(event_id=UUID(rollout.rollout_id), traceparent=rollout.traceparent)

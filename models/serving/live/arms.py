"""The arms of a rollout: which model a search is given by lot, and which one stands in for it.

The candidate of a canary is not proven yet, so nobody falls back on it; the previous model, while the new one is
watched, is.
"""

from collections.abc import Callable
from enum import StrEnum

from models.registry.records import RolloutState
from models.registry.standing import Standing


class Arm(StrEnum):
    LIVE = "live"
    """What the generation serves."""
    CANDIDATE = "candidate"
    """What may serve next, for a share of the searches."""
    PREVIOUS = "previous"
    """What served before, for a share kept back to compare with."""


Lot = Callable[[], float]
"""Draws a number from 0 up to 1; asked only where there is something to draw."""


def arms(standing: Standing, lot: Lot) -> tuple[tuple[Arm, str], ...]:
    """Arms and encoder versions for one search: who answers, then who answers if that fails."""
    live, rollout = (Arm.LIVE, standing.encoder_version), standing.rollout
    if rollout is None or rollout.same_space:
        return (live,)
    if rollout.state is RolloutState.CANARY:
        candidate = (Arm.CANDIDATE, rollout.encoder_version)
        return (candidate, live) if lot() < rollout.share else (live,)
    if rollout.state is RolloutState.WATCHING:
        previous = (Arm.PREVIOUS, rollout.previous_encoder_version)
        return (previous, live) if lot() < rollout.share else (live, previous)
    return (live,)

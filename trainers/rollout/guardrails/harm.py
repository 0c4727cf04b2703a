"""What counts as harm to a search, and which model a search tells about."""

from collections.abc import Container
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID, uuid5

from models.registry.records import Rollout, RolloutState
from schemas.searches import FeedbackGiven, FeedbackKind, SearchServed


class Harm(StrEnum):
    """Each is judged by itself."""

    FAILED = "failed"
    SLOW = "slow"
    ABSTAINED = "abstained"
    UNCLICKED = "unclicked"

    @property
    def words(self) -> str:
        """As a person says it."""
        return _WORDS[self]


_WORDS = {
    Harm.FAILED: "failed searches",
    Harm.SLOW: "slow answers",
    Harm.ABSTAINED: "answers without results",
    Harm.UNCLICKED: "answers without a click",
}
ARMS = ("live", "candidate", "previous")
GOOD_RATING = 4.0
GOOD_RELEVANCE = 0.5


class Side(NamedTuple):
    """Whose search it was."""

    of_new: bool
    share: float
    """The chance with which the lot gives a search to the new model."""


def side_of(search: SearchServed, rollout: Rollout) -> Side | None:
    """The model that had to answer; None for a search that tells nothing about this rollout."""
    if rollout.state is RolloutState.CANARY:
        sides = {"candidate": True, "live": False}
        share = rollout.share
    elif rollout.state is RolloutState.WATCHING:
        sides = {"live": True, "previous": False}
        share = 1 - rollout.share
    else:
        return None
    of_new = sides.get(search.arm)
    return None if of_new is None else Side(of_new, share)


def harmed_at_once(search: SearchServed, slow_ms: float | None) -> dict[Harm, bool]:
    """All harm but that of clicks, which are waited for. A search that failed was neither quick nor full.

    Slowness is left out as long as nobody knows what slow is.
    """
    failed = search.outcome == "failed"
    harmed = {Harm.FAILED: failed, Harm.ABSTAINED: failed or not search.hits}
    return harmed if slow_ms is None else harmed | {Harm.SLOW: failed or search.latency_ms > slow_ms}


def stands_in(search: SearchServed, seen: Container[UUID]) -> bool:
    """Whether another model had to answer this search and failed: its failure counts, and chance chose it alone."""
    return any(uuid5(search.event_id, f"{SearchServed.__name__}/{arm}") in seen for arm in ARMS)


def is_liked(feedback: FeedbackGiven) -> bool:
    """Whether somebody found what they looked for: a click, or a good word."""
    if feedback.kind == FeedbackKind.RATING:
        return (feedback.value or 0) >= GOOD_RATING
    if feedback.kind == FeedbackKind.RELEVANCE:
        return (feedback.value or 0) >= GOOD_RELEVANCE
    return feedback.kind in (FeedbackKind.CLICK, FeedbackKind.DWELL)

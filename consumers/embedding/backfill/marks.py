"""Where a backfill stands, as it is kept in the rollout's row: whoever goes on after a crash begins here."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Self

from pydantic import BaseModel, ConfigDict

from models.registry.records import Rollout, RolloutState
from models.registry.stores.rollouts import Rollouts
from streams.errors import Unavailable

MARK = "backfill"
"""Under this name the marks are kept among those of others."""
TRIES = 20


class BackfillMarks(BaseModel):
    """Of one rollout. Partitions are keys of JSON, and so are words."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    ends: Mapping[str, int] = {}
    """Offset in each partition of `items.curated` before which lies what is to be embedded anew. Whatever came later
    was written in both spaces at once."""
    reached: Mapping[str, int] = {}
    """Offset before which everything has been published and acknowledged."""
    done: int = 0
    """Items whose newest state was published."""
    total: int = 0
    """Items there are before the ends."""
    refused: int = 0
    """Items that the candidate cannot take."""
    complete: bool = False
    impossible: str = ""
    """Why items cannot be embedded with the candidate: what was registered is not there, is something else, or
    breaks. In whatever state the rollout is, it is given up for that."""
    owner: str = ""
    """Who works on it…"""
    until_ms: int = 0
    """…at least until then."""

    def claimed(self, owner: str, now_ms: int, lease_s: float) -> Self | None:
        """The same in the hands of `owner`; None while somebody else works on it."""
        if self.owner not in ("", owner) and now_ms < self.until_ms:
            return None
        return self.model_copy(update={"owner": owner, "until_ms": now_ms + round(lease_s * 1000)})


def backfill_marks(rollout: Rollout) -> BackfillMarks:
    """How far older items are embedded anew."""
    return BackfillMarks.model_validate(rollout.marks.get(MARK) or {})


def mark(
    rollouts: Rollouts, rollout_id: str, changed: Callable[[BackfillMarks], BackfillMarks | None]
) -> BackfillMarks | None:
    """Writes the marks anew, by compare-and-swap, as others write to the same row; what is written.

    None if the rollout is not waiting for a backfill any more, or if `changed` says so.
    """
    for _ in range(TRIES):
        rollout = rollouts.get(rollout_id)
        if rollout is None or rollout.state is not RolloutState.BACKFILLING:
            return None
        marks = changed(backfill_marks(rollout))
        if marks is None:
            return None
        if rollouts.change(replace(rollout, marks={**rollout.marks, MARK: marks.model_dump()})) is not None:
            return marks
    raise Unavailable("the rollout's row is changed by others all the time")

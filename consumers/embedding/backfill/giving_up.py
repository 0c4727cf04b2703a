"""The end of a rollout whose candidate breaks while items are embedded.

The items go on into the live space without it, so they would be missing from the candidate's for good: that it cannot
be had is written into the rollout's row before they go on, and it can never be switched to.
"""

from collections.abc import Callable
from dataclasses import replace

import structlog

from consumers.embedding.backfill.marks import MARK, TRIES, backfill_marks
from models.registry.standing import Watch
from models.registry.stores.rollouts import Rollouts
from streams.errors import Unavailable

logger = structlog.get_logger()


def giving_up(rollouts: Rollouts, watch: Watch) -> Callable[[str, str], None]:
    """Told the version of an encoder that does not serve and how it broke, it has the rollout given up.

    The previous model, which is kept fresh while its successor is watched, is no candidate: what it cannot embed any
    more is missing if the successor goes back, and the log says so. Raises Unavailable, with the items to be embedded
    again, while that cannot be written or if the version serves by now.
    """

    def give_up(version: str, fault: str) -> None:
        for _ in range(TRIES):
            standing = watch.fresh()
            if standing.encoder_version == version:
                raise Unavailable(f"{version} breaks ({fault}), and serves by now")
            rollout = standing.rollout
            if rollout is None or standing.candidate != version:
                return
            marks = backfill_marks(rollout)
            if marks.impossible:
                return
            written = marks.model_copy(update={"impossible": fault}).model_dump()
            if rollouts.change(replace(rollout, marks={**rollout.marks, MARK: written})) is not None:
                logger.warning("a rollout is given up", rollout=rollout.rollout_id, reason=fault)
                return
        raise Unavailable("the rollout's row is changed by others all the time")

    return give_up

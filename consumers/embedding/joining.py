"""What several spaces make of one item, as one outcome: the live space, which comes first, decides.

What another space cannot take is no reason for a dead letter: people find the item. Nor does it stay away from a space
that can take it, where the live one cannot. Versions make all of these facts harmless in whatever order they arrive.
"""

from collections.abc import Sequence

import structlog

from schemas.event import Event
from streams.errors import Refusal
from streams.stage import Outcome

logger = structlog.get_logger()


def joined(outcomes: Sequence[Outcome]) -> Outcome:
    """The first one's outcome with what the others add; a fact that several tell is told once."""
    live, *others = outcomes
    if not others:
        return live
    facts = tuple({event.event_id: event for outcome in outcomes for event in _facts(outcome)}.values())
    for outcome in others:
        if isinstance(outcome, Refusal) and not isinstance(live, Refusal):
            logger.warning("a second space cannot take an item", reason=outcome.reason, detail=outcome.detail)
    return type(live)(live.reason, live.detail, also=facts) if isinstance(live, Refusal) else facts


def _facts(outcome: Outcome) -> Sequence[Event]:
    return outcome.also if isinstance(outcome, Refusal) else outcome

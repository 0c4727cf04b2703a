"""What several spaces make of one item, as one outcome: the live space, which comes first, decides.

What another space cannot take is no reason for a dead letter: people find the item. Nor does it stay away from a space
that can take it, where the live one cannot. Versions make all of these facts harmless in whatever order they arrive.
Another encoder than the live one may also break: then it is left out, and what is live goes on.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog

from models.encoders.port import BREAKS, Encoder
from schemas.event import Event
from streams.errors import MillraceError, Refusal
from streams.stage import Outcome

T = TypeVar("T")

logger = structlog.get_logger()


class Company:
    """The encoders that a batch goes through. What breaks the live one, which comes first, is raised as ever."""

    def __init__(self, encoders: Sequence[Encoder]) -> None:
        self._live, *self._others = encoders
        self.broken: dict[str, str] = {}
        """Versions that are left out from where they broke, and how they did."""

    def each(self, call: Callable[[Encoder], T]) -> dict[str, T]:
        """By version, the live one first, what the call makes of each encoder that is not broken."""
        made = {self._live.version: call(self._live)}
        for encoder in self._others:
            if encoder.version in self.broken:
                continue
            try:
                made[encoder.version] = call(encoder)
            except (MillraceError, *BREAKS) as error:
                self.broken[encoder.version] = how(error)
                logger.exception("an encoder breaks and is left out", model_version=encoder.version)
        return made


def how(error: Exception) -> str:
    """What a broken encoder raised, in words."""
    return f"{type(error).__name__} {error}".strip()


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

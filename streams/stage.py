"""What a stage is: a name, the topics it reads and answers on, and a function from facts to facts.

Two honest shapes. A `Stage` decides about one fact at a time and says what is wrong by raising. A `BatchStage` sees a
micro-batch, because a model or an index is faster that way, and answers with one outcome for each fact, in order, so
that one bad fact never spoils its neighbours. Both may raise `Unavailable`: the runner then tries the same facts again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.event import Event
from streams.errors import Refusal
from streams.record import Origin
from streams.topics import Topic


class Incoming(NamedTuple):
    """A decoded fact with the place in the log it first came from."""

    fact: Event
    origin: Origin


Outcome = Sequence[Event] | Refusal
"""What became of one fact: events to publish (perhaps none), a dead letter, or a parked record."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """A micro-batch closes at whichever bound it meets first."""

    max_records: int = 500
    max_bytes: int = 8 * 2**20
    max_age_s: float = 0.005
    """Counted from the first record of the batch. Short, as the next batch gathers by itself while one is worked on:
    under load batches are as large as they can be, and at rest nobody waits for company that does not come."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Decides about one fact at a time; raises BadRecord or NotYet for what cannot be decided."""

    name: str
    sources: tuple[Topic, ...]
    answers: tuple[Topic, ...]
    handle: Callable[[Incoming], Iterable[Event]]
    limits: BatchLimits = BatchLimits()
    witness: bool = False
    """As in BatchStage."""

    def outcomes(self, batch: Sequence[Incoming]) -> list[Outcome]:
        return [self._outcome(incoming) for incoming in batch]

    def _outcome(self, incoming: Incoming) -> Outcome:
        try:
            return tuple(self.handle(incoming))
        except Refusal as refusal:
            return refusal


@dataclass(frozen=True, slots=True)
class BatchStage:
    """Decides about a micro-batch; answers with one outcome for each fact, in order."""

    name: str
    sources: tuple[Topic, ...]
    answers: tuple[Topic, ...]
    handle: Callable[[Sequence[Incoming]], Sequence[Outcome]]
    limits: BatchLimits = BatchLimits()
    witness: bool = False
    """It only looks on: a record that cannot be read is left to the stage that must act on it, not set aside twice."""
    alone: bool = False
    """What belongs together may lie anywhere: a member that does not hold all partitions decides and says nothing, and
    waits, as does the second one, until it is alone."""
    tick: Callable[[], Sequence[Event]] | None = None
    """What the stage says because time has passed, such as totals that are due: events for its answers, perhaps none.

    Called between two micro-batches, about every `RunnerConfig.tick_s`, while this member reads partitions. It may
    raise Unavailable and is then called again. What it returned is published before it or `handle` is called again,
    however often that takes, so it may take its answers out of its state at once. No record stands behind them: after
    a crash they are computed anew, or not at all, and one that can never be written leaves a dead letter of its own.
    """

    def outcomes(self, batch: Sequence[Incoming]) -> list[Outcome]:
        return list(self.handle(batch))


AnyStage = Stage | BatchStage

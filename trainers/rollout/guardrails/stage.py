"""searches.served, feedback.given -> the guardrails of the rollout under way

Nothing is published here: that a model goes back is announced with the generation that says so.

One member of the group does all partitions. A search, the one that stands in for it and its clicks may lie in any of
them, and two who count would each write their counts over the other's and be wrong twice as often as allowed.

Which searches were counted is kept in memory: after a crash between a note and the commit that batch is counted twice,
and searches that waited for their clicks then are not counted for them. Both sides of the comparison suffer alike.
"""

from collections.abc import Sequence

import structlog

from models.registry.records import RolloutState
from models.registry.registry import Registry
from models.registry.standing import Standing, Watch
from schemas.event import Event
from schemas.searches import FeedbackGiven, SearchServed
from streams.clock import Clock, SystemClock
from streams.stage import BatchLimits, BatchStage, Incoming, Outcome
from streams.topics import FEEDBACK, SEARCHES
from trainers.rollout.config import RolloutConfig
from trainers.rollout.going_back import sent_back, with_mark
from trainers.rollout.guardrails.counting import Counts
from trainers.rollout.guardrails.harm import side_of
from trainers.rollout.guardrails.slowness import Latencies
from trainers.rollout.steps import entered_ms

MARK = "guardrails"
"""Under this name the counts are kept in the rollout's marks."""
COMPARED = (RolloutState.CANARY, RolloutState.WATCHING)
LIMITS = BatchLimits(max_records=1000, max_age_s=0.05)

logger = structlog.get_logger()


def guardrails_stage(registry: Registry, watch: Watch, config: RolloutConfig, clock: Clock | None = None) -> BatchStage:
    """Compares both models of a rollout on the searches of people, and sends the new one back if it does harm."""
    guardrails = Guardrails(registry, watch, config, clock)
    return BatchStage(
        "guardrails",
        sources=(SEARCHES, FEEDBACK),
        answers=(),
        handle=guardrails.outcomes,
        limits=LIMITS,
        witness=True,
        alone=True,
        tick=guardrails.tick,
    )


class Guardrails:
    """Remembers the latencies of what serves and, while two models can be compared, the counts of both."""

    def __init__(self, registry: Registry, watch: Watch, config: RolloutConfig, clock: Clock | None = None) -> None:
        self._registry = registry
        self._watch = watch
        self._config = config
        self._clock = clock or SystemClock()
        self._latencies = Latencies(config.guardrails)
        self._generation = -1
        self._counts: Counts | None = None
        self._rollout_id = ""
        self._noted_at_s = 0.0

    def outcomes(self, batch: Sequence[Incoming]) -> list[Outcome]:
        """Takes facts in, and acts on them."""
        facts = [incoming.fact for incoming in batch]
        standing = self._standing(facts)
        for fact in facts:
            if isinstance(fact, SearchServed):
                self._served(fact, standing)
            elif isinstance(fact, FeedbackGiven) and self._counts is not None:
                self._counts.liked(fact)
        self._act(standing)
        return [()] * len(batch)

    def tick(self) -> Sequence[Event]:
        """Answers grow old enough to be judged, and what was counted is written down."""
        standing = self._standing(())
        self._act(standing)
        if (
            self._counts is not None
            and self._clock.monotonic() - self._noted_at_s >= self._config.guardrails.note_every_s
        ):
            self._note(self._counts)
        return ()

    def _standing(self, facts: Sequence[Event]) -> Standing:
        standing = self._watch.current()
        if any(isinstance(fact, SearchServed) and fact.generation > standing.generation for fact in facts):
            standing = self._watch.fresh()
        self._follow(standing)
        return standing

    def _follow(self, standing: Standing) -> None:
        """Counts begin with the canary or the switch, and end with the rollout."""
        rollout = standing.rollout
        if rollout is None or rollout.state not in COMPARED or rollout.same_space:
            self._counts = None
            if self._generation != standing.generation:  # another model's latencies
                self._latencies.forget()
        elif self._counts is None or self._rollout_id != rollout.rollout_id:
            self._counts = Counts(self._config.guardrails, self._latencies)
            self._counts.read(rollout.marks.get(MARK))
            self._rollout_id = rollout.rollout_id
        self._generation = standing.generation

    def _served(self, search: SearchServed, standing: Standing) -> None:
        if search.generation != standing.generation:
            return
        rollout = standing.rollout
        if self._counts is None or rollout is None:
            if search.arm == "live":
                self._latencies.add(search)
            return
        begins_s = entered_ms(rollout) / 1000 + self._config.guardrails.margin_s
        side = side_of(search, rollout)
        if side is not None and search.occurred_at.timestamp() >= begins_s:
            self._counts.served(search, side, self._clock.monotonic())

    def _act(self, standing: Standing) -> None:
        if self._counts is None:
            return
        self._counts.decide(self._clock.monotonic())
        if self._counts.reason is None:
            return
        self._note(self._counts)
        gone = sent_back(self._registry, self._rollout_id, self._counts.reason, "guardrails", self._config, self._clock)
        if gone is not None:
            logger.warning("sent a model back", rollout=self._rollout_id, state=gone.state, reason=gone.reason)
            self._counts = None
            self._watch.fresh()

    def _note(self, counts: Counts) -> None:
        """What others changed meanwhile wins; the next note comes soon."""
        self._noted_at_s = self._clock.monotonic()
        rollout = self._registry.rollouts.current()
        written = counts.written()
        if rollout is not None and rollout.rollout_id == self._rollout_id and rollout.marks.get(MARK) != written:
            self._registry.rollouts.change(with_mark(rollout, MARK, written))

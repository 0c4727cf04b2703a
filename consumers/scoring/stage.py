"""items.embedded, labels.settled, signals.measured -> items.scored

Items are scored as they come, with the head in force. Labels refit the head by a tick, about every second, and further
ticks tell the scores that changed by it, slice by slice. Heads, candidates and labels lie in the metadata database and
vectors in the index, so that a restart goes on where the process stopped; ids of scores follow from the fact that
brought the item, the task, the model version and the head, so that a redelivery tells the same facts.

One member of the group does all partitions: the pool and the heads are its own. It follows the live model: with a new
generation's encoder everything that is known of items is looked at with the new vectors, and told anew.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import structlog
from sqlalchemy import Engine

from consumers.scoring.candidates.store import CandidateStore
from consumers.scoring.config import ScoringConfig
from consumers.scoring.generations import Live, go_over
from consumers.scoring.learning.head_store import HeadStore
from consumers.scoring.learning.learner import Labels, Learner, Task
from consumers.scoring.tenant import Parts, TenantScoring
from models.vector_index.port import VectorIndex
from schemas.annotations import LabelSettled, LabelUnsettled
from schemas.event import Event
from schemas.items import ItemEmbedded, ItemFact, ItemWithdrawn
from schemas.signals import ItemSignalMeasured
from streams.clock import Clock, SystemClock
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import EMBEDDED, LABELS, SCORED, SIGNALS

logger = structlog.get_logger()

Fact = TypeVar("Fact", bound=ItemFact)


def scoring_stage(
    tasks: Sequence[Task],
    index: VectorIndex,
    labels: Labels,
    heads: HeadStore,
    engine: Engine,
    config: ScoringConfig,
    live: Callable[[], Live],
    clock: Clock | None = None,
) -> BatchStage:
    """Says how much a label of each item would teach, with vectors of the model that is live.

    What cannot be read is left to the stages that must act on it.
    """
    time = clock or SystemClock()

    def begun(now_live: Live) -> dict[str, TenantScoring]:
        go_over(engine, now_live)
        version = now_live.model_version
        parts = Parts(index, CandidateStore(engine, version), config, now_live)
        learners = [Learner(task, version, labels, heads, config, time) for task in tasks]
        return {
            tenant: TenantScoring(tenant, [one for one in learners if one.task.tenant == tenant], parts)
            for tenant in dict.fromkeys(task.tenant for task in tasks)
        }

    scoring = Scoring(begun, live)
    return BatchStage(
        "scoring",
        sources=(EMBEDDED, LABELS, SIGNALS),
        answers=(SCORED,),
        handle=scoring.score,
        tick=scoring.tick,
        witness=True,
    )


class Scoring:
    """Sorts the facts of a micro-batch by what they are about."""

    def __init__(self, begin: Callable[[Live], dict[str, TenantScoring]], live: Callable[[], Live]) -> None:
        self._begin, self._live_now = begin, live
        self._live = live()
        self._tenants = begin(self._live)

    def score(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        """Scores of what came, each as the answer to the fact that changed it."""
        self._follow()
        facts = [incoming.fact for incoming in batch]
        answers: list[list[Event]] = [[] for _ in facts]
        for name, tenant in self._tenants.items():
            withdrawn = _withdrawn(facts, name)
            tenant.withdraw(withdrawn)
            arrived = self._newest(facts, name, withdrawn)
            for (at, _), scored in zip(arrived, tenant.arrive([item for _, item in arrived]), strict=True):
                answers[at] += scored
            for fact in facts:
                if isinstance(fact, LabelSettled | LabelUnsettled) and fact.tenant == name:
                    tenant.settle(fact)
            measured = dict((fact.item_id, (at, fact)) for at, fact in _of(facts, ItemSignalMeasured, name))
            changed = tenant.measure([fact for _, fact in _of(facts, ItemSignalMeasured, name)]) if measured else {}
            for item_id, scored in changed.items():
                answers[measured[item_id][0]] += scored
        return [tuple(answer) for answer in answers]

    def tick(self) -> Sequence[Event]:
        """What labels, or another model, changed since."""
        self._follow()
        for tenant in self._tenants.values():
            tenant.tick()
        return [fact for tenant in self._tenants.values() for fact in tenant.to_tell()]

    def _follow(self) -> None:
        """Another encoder is another pool. A new generation of the same encoder changes nothing here."""
        live = self._live_now()
        if live.model_version != self._live.model_version:
            self._tenants = self._begin(live)
            self._live = live
            logger.info("went over to another model", model_version=live.model_version, generation=live.generation)

    def _newest(self, facts: Sequence[Event], tenant: str, withdrawn: dict[str, int]) -> list[tuple[int, ItemEmbedded]]:
        """Of each item the highest version of this model, with its place in the batch, unless it was withdrawn."""
        newest: dict[str, tuple[int, ItemEmbedded]] = {}
        for at, fact in _of(facts, ItemEmbedded, tenant):
            ours = fact.model_version == self._live.model_version and fact.version > withdrawn.get(fact.item_id, -1)
            if ours and (fact.item_id not in newest or newest[fact.item_id][1].version < fact.version):
                newest[fact.item_id] = at, fact
        return [*newest.values()]


def _of(facts: Sequence[Event], kind: type[Fact], tenant: str) -> Iterator[tuple[int, Fact]]:
    return ((at, fact) for at, fact in enumerate(facts) if isinstance(fact, kind) and fact.tenant == tenant)


def _withdrawn(facts: Sequence[Event], tenant: str) -> dict[str, int]:
    """Highest withdrawn version of each item."""
    upto: dict[str, int] = {}
    for _, fact in _of(facts, ItemWithdrawn, tenant):
        if fact.version is not None:
            upto[fact.item_id] = max(fact.version, upto.get(fact.item_id, -1))
    return upto

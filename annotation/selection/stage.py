"""items.scored, annotations.completed, labels.settled, items.embedded -> annotations.requested

Facts change the pool at once; requests are made by a tick, about every second, when a round is due. A round writes its
requests to the ledger before they are sent, and they are sent again after a crash: under the same ids, so that nobody
is asked twice and a replay asks for nothing new.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID, uuid5

import structlog
from sqlalchemy import Connection, Engine

from annotation.selection.config import SelectionConfig
from annotation.selection.memory import Memory
from annotation.selection.pool import Asked, State, TaskPool
from annotation.selection.rounds import Chosen, choose, strategy_in_force
from annotation.selection.rules.budget import NOTHING, allowance, period_of
from annotation.selection.rules.witness import drawn, reserved
from annotation.selection.store import candidates, requests
from annotation.tasks import TaskConfig
from models.metadata.dialect import take_turns
from schemas.annotations import AnnotationRequested, Shown
from schemas.event import Event
from streams.clock import Clock, SystemClock
from streams.stage import BatchStage, Incoming, Outcome
from streams.topics import ANNOTATIONS_COMPLETED, ANNOTATIONS_REQUESTED, EMBEDDED, LABELS, SCORED

logger = structlog.get_logger()

Behind = Callable[[str, str, str], Collection[str]]
"""For tenant, task and model version: the strategies that the account of labels saved found behind random."""
LONGEST_WAIT = 10
"""A first round waits at most this many times `settle_s` for scores to stop pouring in."""
FRUITLESS_S = 60.0
"""Without news, a task with nothing to ask about is looked at again after this long: a cool-down may have ended."""

_NAMESPACE = uuid5(UUID(int=0), "millrace/request")


def selection_stage(
    engine: Engine,
    tasks: Sequence[TaskConfig],
    config: SelectionConfig,
    behind: Behind = lambda *_: (),
    clock: Clock | None = None,
) -> BatchStage:
    """Asks about what would teach most, within the budget, with a random share. One member runs for all partitions."""
    selection = Selection(engine, tasks, config, behind, clock or SystemClock())
    return BatchStage(
        "selection",
        sources=(SCORED, ANNOTATIONS_COMPLETED, LABELS, EMBEDDED),
        answers=(ANNOTATIONS_REQUESTED,),
        handle=selection.learn,
        tick=selection.ask,
    )


class Selection:
    """What the stage keeps between micro-batches."""

    def __init__(
        self, engine: Engine, tasks: Sequence[TaskConfig], config: SelectionConfig, behind: Behind, clock: Clock
    ) -> None:
        self._memory = Memory(engine, tasks, config)
        self._tasks = {(task.tenant, task.name): task for task in tasks}
        self._engine, self._config, self._behind, self._clock = engine, config, behind, clock
        self._in_flight: Sequence[AnnotationRequested] = ()
        self._fruitless_at: dict[str, float] = {}
        """When a task's round found nothing to ask about; another one waits until something has changed."""
        self._pouring_since: float | None = None
        self._last_score_at = float("-inf")

    def learn(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        """Takes facts in. Never answers: requests come by ticks."""
        self._fruitless_at.clear()
        if self._memory.learn([incoming.fact for incoming in batch], self._clock.time()):
            self._last_score_at = self._clock.monotonic()
            self._pouring_since = self._pouring_since or self._last_score_at
        return [()] * len(batch)

    def ask(self) -> Sequence[Event]:
        """The requests that are due now. Called again only when those of the last call are in the log."""
        if self._in_flight:
            with self._engine.begin() as connection:
                requests.mark_sent(connection, self._in_flight)
        for pool in self._memory.pools():
            self._round(pool)
        with self._engine.execution_options(reading=True).begin() as connection:
            self._in_flight = requests.unsent(connection)  # after a crash, also what was never sent
        return self._in_flight

    def _round(self, pool: TaskPool) -> None:
        now_s = self._clock.time()
        period = period_of(now_s, self._config.period_s)
        if pool.model_version is None or not self._calm(pool) or self._fruitless(pool):
            return
        with self._memory.transaction() as connection:
            take_turns(connection, "selection", [f"{pool.tenant}/{pool.task}"])
            spent = requests.spent(connection, pool.tenant, pool.task, period)
            if (allowed := allowance(self._config, spent)) == NOTHING:
                return
            behind = self._behind(pool.tenant, pool.task, pool.model_version)
            strategy, fallback = strategy_in_force(self._config.strategy, behind)
            chosen = choose(pool, allowed, strategy, self._config, spent, now_s)
            facts = self._facts(connection, pool, chosen, fallback, now_s)
            requests.record(connection, facts, period)
        if not facts:
            self._fruitless_at[pool.task] = self._clock.monotonic()
        elif fallback:
            logger.warning("selection has fallen back", task=pool.task, reason=fallback)
        if facts:
            logger.info("requested", task=pool.task, strategy=strategy, requests=len(facts), open=spent.open)

    def _fruitless(self, pool: TaskPool) -> bool:
        tried_at = self._fruitless_at.get(pool.task, float("-inf"))
        return self._clock.monotonic() - tried_at < FRUITLESS_S

    def _calm(self, pool: TaskPool) -> bool:
        """Whether scores have stopped pouring in, or it has taken long enough, or there is plenty to choose from."""
        now, settle_s = self._clock.monotonic(), self._config.settle_s
        if now - self._last_score_at >= settle_s:
            self._pouring_since = None
            return True
        waited = now - (self._pouring_since or now)
        return waited >= LONGEST_WAIT * settle_s or bool(pool.asked) or len(pool.candidates) >= self._config.min_pool

    def _facts(
        self, connection: Connection, pool: TaskPool, chosen: Sequence[Chosen], fallback: str, now_s: float
    ) -> list[tuple[AnnotationRequested, int]]:
        ids = [one.candidate.item_id for one in chosen]
        scored = candidates.scored(connection, pool.tenant, pool.task, ids)
        facts = []
        for one in chosen:
            earlier = pool.asked.get(one.candidate.item_id)
            attempt = earlier.attempt + 1 if earlier else 1
            people = self._annotators(pool, one.candidate.item_id)
            *_, shown = scored[one.candidate.item_id]
            fact = _request(pool, one, attempt, shown, people, fallback, now_s)
            pool.asked[fact.item_id] = Asked(fact.version, attempt, fact.arm, State.OPEN, now_s)
            facts.append((fact, attempt))
        return facts

    def _annotators(self, pool: TaskPool, item_id: str) -> int:
        task = self._tasks[pool.tenant, pool.task]
        second = reserved(drawn(self._config.seed, pool.tenant, f"{pool.task}/second", item_id), task.second_opinions)
        return task.annotators + second


def _request(
    pool: TaskPool, chosen: Chosen, attempt: int, shown: Shown, annotators: int, fallback: str, now_s: float
) -> AnnotationRequested:
    candidate = chosen.candidate
    name = f"{pool.tenant}/{pool.task}/{candidate.item_id}/{candidate.version}/{attempt}"
    return AnnotationRequested(
        **dict(shown),
        event_id=uuid5(_NAMESPACE, name),
        occurred_at=datetime.fromtimestamp(now_s, UTC),
        tenant=pool.tenant,
        item_id=candidate.item_id,
        version=candidate.version,
        task=pool.task,
        arm=chosen.arm,
        strategy=chosen.strategy,
        acquisition=candidate.acquisition,
        model_version=candidate.model_version,
        annotators=annotators,
        reason="; ".join(filter(None, (chosen.reason, fallback))),
    )

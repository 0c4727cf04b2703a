"""Selection's memory: the pools of all tasks, kept in step with the database.

Facts change the pools and the database in one go. If the transaction fails the pools are dropped and read again from
the database, so that both never disagree.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Connection, Engine

from annotation.selection.config import SelectionConfig
from annotation.selection.pool import State, TaskPool
from annotation.selection.store import candidates, requests
from annotation.selection.store.requests import Change
from annotation.tasks import TaskConfig
from schemas.annotations import (
    AnnotationCompleted,
    AnnotationWithdrawn,
    ItemScored,
    LabelSettled,
    LabelUnsettled,
)
from schemas.event import Event
from schemas.items import ItemWithdrawn

TaskKey = tuple[str, str]
"""Tenant and name of a task."""
REASONS = {"skipped": State.SKIPPED, "item_withdrawn": State.GONE}
"""Why a label came undone, where it means more than that the question is open again."""


class Memory:
    """Pools by task. Not shared between threads."""

    def __init__(self, engine: Engine, tasks: Sequence[TaskConfig], config: SelectionConfig) -> None:
        self._engine, self._config = engine, config
        self._tasks: dict[TaskKey, TaskConfig] = {(task.tenant, task.name): task for task in tasks}
        self._pools: dict[TaskKey, TaskPool] = {}

    def pools(self) -> Iterator[TaskPool]:
        """Those of all tasks."""
        return map(self.pool, self._tasks)

    def pool(self, key: TaskKey) -> TaskPool:
        """That of a task, read from the database at first use."""
        if key not in self._pools:
            pool = TaskPool(*key, self._config)
            with self._engine.connect().execution_options(reading=True) as connection, connection.begin():
                pool.asked.update(requests.load(connection, *key))
                for candidate in candidates.load(connection, *key):
                    pool.put(candidate)
            self._pools[key] = pool
        return self._pools[key]

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One step of pools and database together."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except BaseException:
            self._pools.clear()
            raise

    def learn(self, facts: Sequence[Event], now_s: float) -> int:
        """Takes facts in; how many of them were scores that counted."""
        for key in self._tasks:
            self.pool(key)  # before the transaction, which may be the only one at a time
        with self.transaction() as connection:
            scored = self._learn_scores(connection, [fact for fact in facts if isinstance(fact, ItemScored)])
            requests.change(connection, list(self._changes(facts, now_s)))
            self._forget(connection, [fact for fact in facts if isinstance(fact, ItemWithdrawn)])
        return scored

    def _learn_scores(self, connection: Connection, facts: Sequence[ItemScored]) -> int:
        kept: dict[tuple[TaskKey, str], ItemScored] = {}
        for fact in facts:
            key = (fact.tenant, fact.task)
            if key in self._tasks and self.pool(key).put(candidates.candidate_of(fact)):
                kept[key, fact.item_id] = fact
        candidates.write(connection, list(kept.values()))
        for key in {key for key, _ in kept}:
            candidates.remove(connection, *key, self.pool(key).trim())
        return len(kept)

    def _changes(self, facts: Sequence[Event], now_s: float) -> Iterator[Change]:
        for fact in facts:
            if isinstance(fact, ItemWithdrawn):
                keys: list[TaskKey] = [key for key in self._tasks if key[0] == fact.tenant]
            elif isinstance(fact, AnnotationCompleted | AnnotationWithdrawn | LabelSettled | LabelUnsettled):
                keys = [(fact.tenant, fact.task)]
            else:
                continue
            for key in keys:
                yield from self._changed(key, fact, now_s)

    def _changed(self, key: TaskKey, fact: Event, now_s: float) -> Iterator[Change]:
        item_id, version = fact.item_id, fact.version  # type: ignore[attr-defined]
        asked = self._pools[key].asked.get(item_id) if key in self._tasks else None
        if asked is None or (version is not None and version < asked.version):
            return
        state = state_after(asked.state, fact)
        if state is not asked.state:
            self._pools[key].asked[item_id] = replace(asked, state=state, state_at_s=now_s)
            yield Change(*key, item_id, asked.attempt, state, now_s)

    def _forget(self, connection: Connection, facts: Sequence[ItemWithdrawn]) -> None:
        for key in self._tasks:
            gone = [
                fact.item_id
                for fact in facts
                if fact.tenant == key[0]
                and fact.version is not None
                and self.pool(key).remove(fact.item_id, fact.version)
            ]
            candidates.remove(connection, *key, gone)


def state_after(state: State, fact: Event) -> State:
    """What a fact makes of a request. An answer is not yet a label; what undoes a label asks the question anew."""
    match fact:
        case ItemWithdrawn():
            return State.GONE
        case LabelSettled():
            return State.LABELLED
        case LabelUnsettled():
            return REASONS.get(fact.reason, State.OPEN)
        case AnnotationCompleted() if state is State.OPEN:
            return State.SKIPPED if fact.skipped else State.ANSWERED
        case AnnotationWithdrawn() if state is State.ANSWERED or state is State.SKIPPED:
            return State.OPEN
        case _:
            return state

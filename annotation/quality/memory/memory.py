"""The memory of consensus: one transaction a micro-batch, another one a tick.

Transactions that touch the same tenant run one after another, so that replicas of the stage decide as one would.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from uuid import UUID

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, insert, or_, select, update

from annotation.quality.config import QualityConfig
from annotation.quality.ledger.book import Book
from annotation.quality.ledger.pages import Pages, PersonKey
from annotation.quality.ledger.told import TOLD, Told
from annotation.quality.memory.kept import AnswerKey, keep, recall
from annotation.quality.memory.rows import load, person, save
from annotation.quality.tables import annotations, annotator_tallies, gold_answers, metadata
from annotation.quality.tables import consensus_announcements as announcements
from annotation.tasks import TaskConfig
from models.labels.tables import metadata as label_tables
from models.metadata.dialect import take_turns
from schemas.annotations import AnnotationChanged, AnnotationCompleted, AnnotationFact
from schemas.event import Event
from schemas.items import ItemFact, ItemWithdrawn
from streams.errors import Refusal

NOBODY = UUID(int=0)
"""The cause of announcements."""

Reading = Callable[[Book, ItemFact], Sequence[Event]]


class Memory:
    """Answers and labels in a metadata database. May be shared by threads and processes.

    Raises Unavailable while the database does not answer; nothing has changed then.
    """

    def __init__(self, engine: Engine, tasks: Sequence[TaskConfig], config: QualityConfig) -> None:
        self._engine = engine
        self._tasks = tasks
        self._config = config
        self._names: dict[str, set[str]] = defaultdict(set)
        for task in tasks:
            self._names[task.tenant].add(task.name)

    def create_tables(self) -> None:
        """Creates the tables where they are missing; for tests, as migrations do it otherwise."""
        metadata.create_all(self._engine)
        label_tables.create_all(self._engine)

    def settle(self, facts: Mapping[AnswerKey, ItemFact]) -> dict[AnswerKey, tuple[Event, ...] | Refusal]:
        """What follows each fact: what it was answered before, or what the book makes of it, in their order."""
        with self._engine.begin() as connection:
            take_turns(connection, "consensus", {fact.tenant for fact in facts.values()})
            known = recall(connection, facts)
            unread = {key: fact for key, fact in facts.items() if key not in known}
            found: dict[AnswerKey, tuple[Event, ...] | Refusal] = {key: told.events for key, told in known.items()}
            book, before = self._open(connection, unread.values())
            fresh: dict[AnswerKey, Told] = {}
            for key, fact in unread.items():
                try:
                    events = book.withdraw(fact) if isinstance(fact, ItemWithdrawn) else book.read(_annotation(fact))
                except Refusal as refusal:
                    found[key] = refusal
                else:
                    fresh[key] = Told.of(key.cause, key.offset, events)
                    found[key] = fresh[key].events
            save(connection, before, book.pages)
            keep(connection, fresh, facts)
        return found

    def announced(self) -> list[tuple[int, tuple[Event, ...]]]:
        """What was found in ticks and may not be written yet, with its numbers."""
        with self._engine.execution_options(reading=True).connect() as connection:
            rows = connection.execute(select(announcements).order_by(announcements.c.id)).all()
        return [(row.id, TOLD.validate_json(row.said)[0].events) for row in rows]

    def forget(self, numbers: Collection[int]) -> None:
        """These announcements are written."""
        if numbers:
            with self._engine.begin() as connection:
                connection.execute(delete(announcements).where(announcements.c.id.in_(sorted(numbers))))

    def retrust(self) -> None:
        """Takes up trust as the settings make it now; a few rows, at the start of a process."""
        for tenant in self._names:
            with self._engine.begin() as connection:
                take_turns(connection, "consensus", {tenant})
                rows = connection.execute(select(annotator_tallies).where(annotator_tallies.c.tenant == tenant))
                pages = Pages(people={(tenant, row.task, row.annotator): person(row) for row in rows})
                book, before = Book(self._tasks, self._config, pages), _copied(pages)
                for key in before.people:
                    book.move(key)
                save(connection, before, book.pages)

    def sweep(self, at_ms: int) -> None:
        """Measures new gold answers, and judges anew some of the labels whose annotators' trust has moved.

        What follows is announced in the same transaction.
        """
        if not self._names or not self._anything_due():
            return
        for tenant in sorted(self._names):
            with self._engine.begin() as connection:
                take_turns(connection, "consensus", {tenant})
                events = [
                    *self._measure_gold(connection, tenant, at_ms),
                    *self._follow_trust(connection, tenant, at_ms),
                ]
                if events:
                    told = TOLD.dump_json([Told.of(NOBODY, 0, events)])
                    connection.execute(insert(announcements).values(said=told))

    def _anything_due(self) -> bool:
        """A look that writes nothing; the tables hold a row an annotator and a row a gold item."""
        due = select(annotator_tallies.c.tenant).where(_moved()).limit(1)
        pending = select(gold_answers.c.tenant).where(gold_answers.c.pending).limit(1)
        with self._engine.execution_options(reading=True).connect() as connection:
            return any(connection.execute(query).first() is not None for query in (due, pending))

    def _measure_gold(self, connection: Connection, tenant: str, at_ms: int) -> list[Event]:
        due = select(gold_answers).where(and_(gold_answers.c.tenant == tenant, gold_answers.c.pending))
        rows = connection.execute(due.order_by(gold_answers.c.item_id).limit(self._config.sweep_items)).all()
        if not rows:
            return []
        book, before = self._open_items(connection, tenant, {row.item_id for row in rows})
        events: list[Event] = []
        for row in rows:
            result = None if row.result is None else tuple(from_json(row.result))
            events += book.set_gold((tenant, row.task, row.item_id), result, at_ms)
            this = and_(
                gold_answers.c.tenant == tenant, gold_answers.c.task == row.task, gold_answers.c.item_id == row.item_id
            )
            done = update(gold_answers).values(measured=row.result, pending=False)
            connection.execute((delete(gold_answers) if result is None else done).where(this))
        save(connection, before, book.pages)
        return events

    def _follow_trust(self, connection: Connection, tenant: str, at_ms: int) -> list[Event]:
        """One step of one sweep: the next labels that rest on an annotator whose trust has moved."""
        due = select(annotator_tallies).where(and_(annotator_tallies.c.tenant == tenant, _moved()))
        row = connection.execute(due.order_by(annotator_tallies.c.task, annotator_tallies.c.annotator).limit(1)).first()
        if row is None:
            return []
        key, known = (tenant, row.task, row.annotator), person(row)
        if known.sweeping is None:
            known = replace(known, sweeping=known.moves, swept_item="")
        item_ids = self._next_items(connection, key, known.swept_item)
        book, before = self._open_items(connection, tenant, item_ids)
        events = [event for item_id in item_ids for event in book.judge((tenant, row.task, item_id), None, at_ms)]
        if len(item_ids) < self._config.sweep_items:
            known = replace(known, swept=known.sweeping or 0, sweeping=None, swept_item="")
        else:
            known = replace(known, swept_item=item_ids[-1])
        book.pages.people[key] = known
        save(connection, before, book.pages)
        return events

    def _next_items(self, connection: Connection, key: PersonKey, after: str) -> list[str]:
        tenant, task, annotator = key
        theirs = and_(
            annotations.c.tenant == tenant,
            annotations.c.task == task,
            annotations.c.annotator == annotator,
            annotations.c.item_id > after,
        )
        query = select(annotations.c.item_id).where(theirs).distinct().order_by(annotations.c.item_id)
        return list(connection.execute(query.limit(self._config.sweep_items)).scalars())

    def _open(self, connection: Connection, facts: Iterable[ItemFact]) -> tuple[Book, Pages]:
        items, keys, people = defaultdict(set), defaultdict(set), defaultdict(set)
        for fact in facts:
            items[fact.tenant].add(fact.item_id)
            if isinstance(fact, AnnotationFact):
                keys[fact.tenant].add(fact.annotation_key)
            if isinstance(fact, AnnotationCompleted | AnnotationChanged):
                people[fact.tenant].add(fact.annotator)
        pages = load(connection, self._names, items, keys, people)
        return Book(self._tasks, self._config, pages), _copied(pages)

    def _open_items(self, connection: Connection, tenant: str, item_ids: Collection[str]) -> tuple[Book, Pages]:
        pages = load(connection, self._names, {tenant: item_ids}, {}, {})
        return Book(self._tasks, self._config, pages), _copied(pages)


def _annotation(fact: ItemFact) -> AnnotationFact:
    assert isinstance(fact, AnnotationFact)
    return fact


def _moved() -> ColumnElement[bool]:
    return or_(annotator_tallies.c.swept < annotator_tallies.c.moves, annotator_tallies.c.sweeping.is_not(None))


def _copied(pages: Pages) -> Pages:
    """The pages as they are now; what is in them never changes, it is replaced."""
    return Pages(**{name: copy(value) for name, value in vars(pages).items()})

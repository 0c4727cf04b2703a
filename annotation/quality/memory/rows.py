"""Pages out of the database and back into it; a micro-batch costs a handful of statements, each by an index."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import Connection, Row, Select, Table, and_, select

from annotation.quality.ledger.answered import Answered
from annotation.quality.ledger.pages import Pages, Person, PersonKey, Withdrawal
from annotation.quality.rule.trust import Tally
from annotation.quality.tables import annotations, annotator_tallies, gold_answers, withdrawn_items
from models.labels.store import standings, write_standings
from models.metadata.dialect import replacing

_ANSWERED = tuple(field.name for field in fields(Answered))
_TALLY = tuple(field.name for field in fields(Tally))
_PERSON = ("trust", "moves", "swept", "sweeping", "swept_item")

Names = Mapping[str, Collection[str]]
"""Of each tenant."""


def load(connection: Connection, tasks: Names, items: Names, keys: Names, people: Names) -> Pages:
    """All that bears on these items, annotations and annotators."""
    pages = Pages()
    for tenant, item_ids in items.items():
        _load_answers(connection, pages, tenant, item_ids, keys.get(tenant, ()))
        for row in connection.execute(_of(withdrawn_items, tenant, item_id=item_ids)):
            pages.withdrawals[tenant, row.item_id] = Withdrawal(row.version, -1 if row.erased is None else row.erased)
        for row in connection.execute(_of(gold_answers, tenant, item_id=item_ids)):
            if row.measured is not None:
                pages.gold[tenant, row.task, row.item_id] = tuple(from_json(row.measured))
        for label in standings(connection, tenant, tasks.get(tenant, ()), item_ids):
            pages.standings[tenant, label.task, label.item_id] = label
        named = {one.annotator for one in pages.answers.values() if one.tenant == tenant and one.annotator}
        pages.people |= load_people(connection, tenant, named | {*people.get(tenant, ())})
    return pages


def load_people(connection: Connection, tenant: str, names: Collection[str]) -> dict[PersonKey, Person]:
    """What is known of these annotators, in every task of the tenant."""
    rows = connection.execute(_of(annotator_tallies, tenant, annotator=names))
    return {(tenant, row.task, row.annotator): person(row) for row in rows}


def person(row: Row[tuple[object, ...]]) -> Person:
    """A row of the tallies as the book reads it."""
    tally = Tally(*(getattr(row, name) for name in _TALLY))
    return Person(tally, *(getattr(row, name) for name in _PERSON))


def save(connection: Connection, before: Pages, after: Pages) -> None:
    """Writes what differs; nothing is ever removed."""
    _upsert(connection, annotations, [_answer_row(one) for one in _changed(before.answers, after.answers)])
    people = ((key, one) for key, one in after.people.items() if before.people.get(key) != one)
    _upsert(connection, annotator_tallies, [_person_row(key, one) for key, one in people])
    gone = ((key, one) for key, one in after.withdrawals.items() if before.withdrawals.get(key) != one)
    _upsert(connection, withdrawn_items, [_withdrawal_row(key, one) for key, one in gone])
    changed = [
        (before.standings.get(key), label)
        for key, label in after.standings.items()
        if before.standings.get(key) != label
    ]
    write_standings(connection, changed)


def _load_answers(
    connection: Connection, pages: Pages, tenant: str, item_ids: Collection[str], keys: Collection[str]
) -> None:
    for query in (_of(annotations, tenant, item_id=item_ids), _of(annotations, tenant, annotation_key=keys)):
        for row in connection.execute(query):
            values = {name: getattr(row, name) for name in _ANSWERED}
            values["result"] = tuple(from_json(row.result))
            pages.answers[tenant, row.annotation_key] = Answered(**values)


def _of(table: Table, tenant: str, **among: Collection[str]) -> Select[Any]:
    clauses = [table.c[name].in_(sorted(values)) for name, values in among.items()]
    return select(table).where(and_(table.c.tenant == tenant, *clauses))


def _changed(before: Mapping[tuple[str, str], Answered], after: Mapping[tuple[str, str], Answered]) -> list[Answered]:
    return [one for key, one in after.items() if before.get(key) != one]


def _upsert(connection: Connection, table: Table, rows: Iterable[dict[str, object]]) -> None:
    if rows := list(rows):
        connection.execute(replacing(connection, table), rows)


def _answer_row(one: Answered) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(one, name) for name in _ANSWERED}
    return row | {"result": to_json(one.result).decode()}


def _person_row(key: PersonKey, one: Person) -> dict[str, object]:
    tenant, task, annotator = key
    row: dict[str, object] = {"tenant": tenant, "task": task, "annotator": annotator}
    row |= {name: getattr(one.tally, name) for name in _TALLY}
    return row | {name: getattr(one, name) for name in _PERSON}


def _withdrawal_row(key: tuple[str, str], one: Withdrawal) -> dict[str, object]:
    erased = None if one.erased < 0 else one.erased
    return {"tenant": key[0], "item_id": key[1], "version": one.version, "erased": erased}

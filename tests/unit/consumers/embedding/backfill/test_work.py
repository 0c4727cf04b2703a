"""Portions of a log that loses records while it is read."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from uuid import UUID

from consumers.embedding.backfill.work import Work
from schemas.items import ItemCurated, Modality
from streams.codec import encode
from streams.record import Record


class Shrinking:
    """Items by offset; some are there when it is looked through and gone when it is read again."""

    def __init__(self, items: int, gone: set[int]) -> None:
        self._records = [_record(offset) for offset in range(items)]
        self._gone, self._read = gone, 0

    def ends(self, topic: str) -> Mapping[int, int]:
        return {0: len(self._records)}

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[Record]:
        self._read += 1
        gone = self._gone if self._read > 1 else ()
        return iter([one for one in self._records[start:end] if one.offset not in gone])


def _record(offset: int) -> Record:
    fact = ItemCurated(
        event_id=UUID(int=offset),
        item_id=f"item-{offset}",
        version=1,
        modality=Modality.TEXT,
        text="a mill",
        content_sha256="0" * 64,
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    said = encode(fact, "test")
    return Record("curated", 0, offset, said.key, said.value, said.headers, 0)


def found(work: Work) -> list[str]:
    items = []
    while not work.look_through():
        pass
    while (portion := work.portion(2, 10**6)) is not None:
        items += [fact.item_id for fact in portion.facts if isinstance(fact, ItemCurated)]
        work.finish(portion)
    return items


def test_every_item_is_in_one_portion() -> None:
    assert found(Work(Shrinking(6, set()), "curated", {0: 6}, {})) == [f"item-{n}" for n in range(6)]


def test_a_record_that_is_gone_meanwhile_costs_no_other_one() -> None:
    assert found(Work(Shrinking(6, {1, 3}), "curated", {0: 6}, {})) == ["item-0", "item-2", "item-4", "item-5"]

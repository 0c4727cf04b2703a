"""Switches that break one rule of delivery each. A fault test that stays green with one of them proves nothing."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import uuid4

from streams.codec import Encoded
from streams.record import Record, TopicPartition


class Sabotage(StrEnum):
    COMMIT_BEFORE_WRITE = "commit_before_write"
    RANDOM_IDS = "random_ids"
    NO_VERSION_GUARD = "no_version_guard"
    BARE_DELETE = "bare_delete"
    LETTERS_NOT_FLUSHED = "letters_not_flushed"


def _swap(module: Any, name: str, replacement: object) -> None:
    """Puts something else in the place of a name; a name that is not there any more is an error of this file."""
    assert hasattr(module, name), f"{module.__name__} has no {name}"
    setattr(module, name, replacement)


def commit_before_write(consumer: Any) -> None:
    """Offsets are committed as soon as records are read, as auto-commit would."""
    poll, commit = consumer.poll, consumer.commit

    def eager(max_records: int, timeout_s: float) -> list[Record]:
        records: list[Record] = poll(max_records, timeout_s)
        ends: dict[TopicPartition, int] = {}
        for record in records:
            ends[record.topic_partition] = record.offset + 1
        commit(ends)
        return records

    consumer.poll = eager


def random_ids() -> None:
    """Consequences get random ids, and so do points."""
    import schemas.event
    from models.vector_index.edge import index, points

    _swap(schemas.event, "uuid5", lambda namespace, name: uuid4())
    for module in (index, points):
        _swap(module, "point_id", lambda tenant, item_id, part: str(uuid4()))


def no_version_guard() -> None:
    """The index takes whatever comes, in the order in which it comes."""
    from models.vector_index.edge import index
    from models.vector_index.plan import Key, Write, key_of
    from models.vector_index.port import MAX_VERSION, Applied, Entry, Head

    def decide(entries: Sequence[Entry], heads: Mapping[Key, Head]) -> tuple[list[Applied], list[Write]]:
        last = {key_of(entry): entry for entry in entries}
        before = {key: heads[key].parts if key in heads else 0 for key in last}
        writes = [Write(entry, -1, before[key]) for key, entry in last.items()]
        return [Applied.WRITTEN] * len(entries), writes

    _swap(index, "decide", decide)
    _swap(index, "guarded", lambda writes, max_points: [(MAX_VERSION, [write]) for write in writes])


def bare_delete(index: Any) -> None:
    """A withdrawal removes the points and leaves no tombstone."""
    import qdrant_edge as engine

    from models.vector_index.points import point_id

    apply = index.apply

    def forgetful(entries: Sequence[Any]) -> Any:
        applied = apply(entries)
        withdrawn = [
            entry
            for entry, what in zip(entries, applied, strict=True)
            if entry.content is None and what.value == "written"
        ]
        ids: list[Any] = [point_id(entry.tenant, entry.item_id, part) for entry in withdrawn for part in range(8)]
        if ids:
            index._write(engine.UpdateOperation.delete_points(ids))
        return applied

    index.apply = forgetful


def letters_not_flushed(producer: Any) -> None:
    """Letters go out some time later, with the answers of a later batch."""
    send, flush = producer.send, producer.flush
    waiting: list[tuple[str, Encoded]] = []
    due: list[tuple[str, Encoded]] = []

    def late(topic: str, encoded: Encoded, on_acknowledged: Callable[[], None] | None = None) -> None:
        if topic.endswith((".dlq", ".parked")):
            waiting.append((topic, encoded))
        else:
            send(topic, encoded, on_acknowledged)

    def without_letters(timeout_s: float) -> None:
        for topic, encoded in due:
            send(topic, encoded)
        due[:], waiting[:] = waiting, []
        flush(timeout_s)

    producer.send, producer.flush = late, without_letters

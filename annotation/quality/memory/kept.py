"""The answers that a crash may ask for again.

A crash between the transaction and the commit of offsets brings the same records again, and by then the rows speak of a
later time. The runner commits one micro-batch before it handles the next, so only the last batch of a partition can
come again, whole or in pieces, in its old order. As soon as a partition shows a record that was not answered before,
everything below that batch is committed, and its answers go.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, and_, delete, insert, or_, select

from annotation.quality.ledger.told import TOLD, Told
from annotation.quality.tables import consensus_answers as kept


class AnswerKey(NamedTuple):
    """A record: its topic and partition, its offset, and the fact in it."""

    place: str
    offset: int
    cause: UUID


def recall(connection: Connection, keys: Iterable[AnswerKey]) -> dict[AnswerKey, Told]:
    """What is kept of the answers in reach of these records."""
    if not (lowest := _lowest(keys)):
        return {}
    in_reach = or_(*(and_(kept.c.place == place, kept.c.last_offset >= low) for place, low in lowest.items()))
    rows = connection.execute(select(kept.c.place, kept.c.answers).where(in_reach)).all()
    found = ((place, told) for place, content in rows for told in TOLD.validate_json(content))
    return {AnswerKey(place, told.offset, told.cause): told for place, told in found}


def keep(connection: Connection, fresh: Mapping[AnswerKey, Told], all_keys: Iterable[AnswerKey]) -> None:
    """Keeps new answers, and forgets those that cannot be asked for again."""
    lowest = _lowest(all_keys)
    places = sorted({key.place for key in fresh})
    if not places:
        return  # all of it has come before: what follows may come again too
    passed = or_(*(and_(kept.c.place == place, kept.c.last_offset < lowest[place]) for place in places))
    connection.execute(delete(kept).where(passed))
    rows = []
    for place in places:
        theirs = [told for key, told in fresh.items() if key.place == place]
        last_offset = max(told.offset for told in theirs)
        rows.append({"place": place, "last_offset": last_offset, "answers": TOLD.dump_json(theirs)})
    connection.execute(insert(kept), rows)


def _lowest(keys: Iterable[AnswerKey]) -> dict[str, int]:
    lowest: dict[str, int] = {}
    for key in keys:
        lowest[key.place] = min(key.offset, lowest.get(key.place, key.offset))
    return lowest

"""The outbox to the log. Messages are written in the transaction that makes them true, published, then deleted.

A crash between publishing and deleting publishes them again, the same bytes under the same event ids.
"""

import json

from sqlalchemy import Connection, Engine, delete, insert, select

from annotation.label_studio.tables import messages
from streams.codec import Encoded
from streams.port import Producer

AT_ONCE = 500


class Messages:
    """Publishes what waits. One thread only."""

    def __init__(self, engine: Engine, producer: Producer, flush_timeout_s: float = 15.0) -> None:
        self._engine = engine
        self._producer = producer
        self._flush_timeout_s = flush_timeout_s

    def publish(self) -> int:
        """Publishes everything that waits, in order; how many. Raises Unavailable: all of it is tried again."""
        published = 0
        while batch := self._waiting():
            for _, topic, encoded in batch:
                self._producer.send(topic, encoded)
            self._producer.flush(self._flush_timeout_s)
            self._done([number for number, _, _ in batch])
            published += len(batch)
        return published

    def _waiting(self) -> list[tuple[int, str, Encoded]]:
        query = select(messages).order_by(messages.c.id).limit(AT_ONCE)
        with self._engine.execution_options(reading=True).begin() as connection:
            rows = connection.execute(query).all()
        return [(row.id, row.topic, Encoded(row.key, row.value, _headers(row.headers))) for row in rows]

    def _done(self, ids: list[int]) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(messages).where(messages.c.id.in_(ids)))


def post(connection: Connection, outgoing: list[tuple[str, Encoded]]) -> None:
    """Has messages published once the transaction is committed. Topics by their full names."""
    rows = [
        {
            "topic": topic,
            "key": encoded.key,
            "value": encoded.value or b"",
            "headers": json.dumps([[name, value.decode("latin-1")] for name, value in encoded.headers]),
        }
        for topic, encoded in outgoing
    ]
    if rows:
        connection.execute(insert(messages), rows)


def _headers(text: str) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))

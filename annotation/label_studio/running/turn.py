"""One at a time: of several processes on one PostgreSQL, only one works at a side of the bridge; the others stand by.

The server keeps the turn with the connection that took it, and gives it on when that ends, however it ends. On SQLite
there is one machine with one supervisor, and nothing to take.
"""

from sqlalchemy import Connection, Engine, text

from streams.errors import Unavailable

TAKE = text("SELECT pg_try_advisory_lock(hashtextextended('bridge/' || :name, 0))")


class Turn:
    """Not shared between threads."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._held: Connection | None = None

    def mine(self) -> bool:
        """Whether it is our turn, which it stays until `end`. Raises Unavailable if that cannot be known."""
        if self._engine.dialect.name != "postgresql":
            return True
        try:
            if self._held is not None:
                self._held.execute(text("SELECT 1"))
                return True
            return self._taken()
        except Unavailable:
            self.end()
            raise

    def end(self) -> None:
        """Somebody else may go on."""
        held, self._held = self._held, None
        if held is not None:
            held.invalidate()  # a connection that merely goes back to the pool would keep the turn
            held.close()

    def _taken(self) -> bool:
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        if connection.execute(TAKE, {"name": self._name}).scalar_one():
            self._held = connection
            return True
        connection.close()
        return False

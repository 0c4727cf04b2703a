"""The spaces that are open in this process: opened once, used by any number of threads, let go when nobody uses them.

A space that is let go is taken out of everybody's sight first; then its last user is waited for, and only then it is
closed and removed. So nobody meets an engine that is closed under him, and nobody finds half of the items.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from models.vector_index.points import space_of
from models.vector_index.port import VectorIndex
from models.vector_index.spaces.port import Ground
from streams.errors import Unavailable


@dataclass(slots=True)
class _Space:
    model_version: str
    index: VectorIndex
    users: int = 0


class OpenSpaces:
    """By model version."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._spaces: dict[str, _Space] = {}
        self._in_use = threading.Condition()
        """Around `_spaces` and their users."""
        self._changing = threading.Lock()
        """Held by whoever opens or removes; nobody waits for it while using a space."""
        self.closed = False

    def open(self, model_version: str) -> None:
        """Its space exists from here on."""
        if space_of(model_version) not in self._spaces:
            with self._changing:
                self._open(model_version)

    def versions(self) -> tuple[str, ...]:
        """Whose spaces are open here."""
        with self._in_use:
            return tuple(space.model_version for space in self._spaces.values())

    @contextmanager
    def using(self, model_version: str) -> Iterator[VectorIndex | None]:
        """The space for as long as it is used, or None where there is none."""
        space = self._taken(model_version)
        try:
            yield space.index if space else None
        finally:
            if space:
                with self._in_use:
                    space.users -= 1
                    self._in_use.notify_all()

    def remove(self, model_version: str) -> bool:
        """Removes the space once its last user is done; whether there was one."""
        with self._changing:
            with self._in_use:
                space = self._spaces.pop(space_of(model_version), None)
                self._in_use.wait_for(lambda: space is None or space.users == 0)
            if space is not None:
                space.index.close()
            there = self._ground.holds(model_version)
            if there:
                self._ground.remove(model_version)
        return there

    def close(self) -> None:
        """Lets go of all spaces once nobody uses them."""
        with self._changing:
            self.closed = True
            with self._in_use:
                spaces, self._spaces = self._spaces, {}
                self._in_use.wait_for(lambda: not any(space.users for space in spaces.values()))
            for space in spaces.values():
                space.index.close()
            self._ground.close()

    def _taken(self, model_version: str) -> _Space | None:
        if (found := self._with_a_user(model_version)) is None:
            with self._changing:  # perhaps another process has made it; certainly nobody removes it meanwhile
                if self.closed or self._ground.holds(model_version):
                    self._open(model_version)
            found = self._with_a_user(model_version)
        return found

    def _with_a_user(self, model_version: str) -> _Space | None:
        with self._in_use:
            if (space := self._spaces.get(space_of(model_version))) is not None:
                space.users += 1
            return space

    def _open(self, model_version: str) -> None:
        if self.closed:
            raise Unavailable("the vector index is closed")
        if (name := space_of(model_version)) not in self._spaces:
            index = self._ground.open(model_version)
            with self._in_use:
                self._spaces[name] = _Space(model_version, index)

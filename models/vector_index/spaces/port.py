"""What the spaces of a deployment need: somewhere to lie, and somebody who knows which of them are wanted."""

from collections.abc import Callable, Sequence
from typing import Protocol

from models.vector_index.port import VectorIndex


class Ground(Protocol):
    """Where the spaces of one kind of engine lie: folders, or collections."""

    def found(self) -> tuple[str, ...]:
        """Model versions whose spaces exist."""
        ...

    def holds(self, model_version: str) -> bool:
        """Whether its space exists."""
        ...

    def open(self, model_version: str) -> VectorIndex:
        """Its space, made where there is none."""
        ...

    def remove(self, model_version: str) -> None:
        """Its space, which is not open here, is gone afterwards."""
        ...

    def close(self) -> None:
        """No space of it is open any more."""
        ...


Written = Callable[[], Sequence[str]]
"""Model versions whose spaces are to be written, the live one first. May raise Unavailable."""

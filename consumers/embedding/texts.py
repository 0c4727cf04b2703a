"""Windows of text to vectors, each encoded once for all encoders that read texts alike, and not again soon.

A model that was trained on pictures keeps the text tower of its parent: what the live space has been told, the
candidate's space need not compute. Equal windows come again, too: in items that only changed their tags.
"""

import threading
from collections.abc import Iterable
from hashlib import blake2b
from typing import Protocol, runtime_checkable

from consumers.embedding.pictures import as_bytes
from models.encoders.port import Encoder

ENTRY_BYTES = 200
"""What an entry takes beside its vector."""


class Tower(Protocol):
    """Reads texts."""

    @property
    def digest(self) -> str:
        """Names all that decides the vector of a text."""
        ...


@runtime_checkable
class WithTower(Protocol):
    """An encoder that says what reads its texts."""

    @property
    def texts(self) -> Tower: ...


def tower_of(encoder: Encoder) -> str:
    """Where it is the same, the vectors of texts are the same."""
    return encoder.texts.digest if isinstance(encoder, WithTower) else encoder.version


class TextVectors:
    """Remembers vectors of windows within a bound, those used last. May be shared by threads."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._known: dict[bytes, bytes] = {}
        self._lock = threading.Lock()

    def of(self, windows: Iterable[str], encoder: Encoder) -> dict[str, bytes]:
        """The vector of each window; those that are not known are encoded in one run."""
        keys = {window: _key(tower_of(encoder), window) for window in windows}
        found = {window: vector for window, key in keys.items() if (vector := self._taken(key)) is not None}
        unknown = [window for window in keys if window not in found]
        fresh = dict(zip(unknown, as_bytes(encoder.encode_texts(unknown)), strict=True)) if unknown else {}
        for window, vector in fresh.items():
            self._keep(keys[window], vector)
        return found | fresh

    def _taken(self, key: bytes) -> bytes | None:
        with self._lock:
            if (vector := self._known.pop(key, None)) is not None:
                self._known[key] = vector
            return vector

    def _keep(self, key: bytes, vector: bytes) -> None:
        with self._lock:
            if key not in self._known:
                self._bytes += len(vector) + ENTRY_BYTES
            self._known[key] = vector
            while self._bytes > self._max_bytes:
                oldest = next(iter(self._known))
                self._bytes -= len(self._known.pop(oldest)) + ENTRY_BYTES


def _key(tower: str, window: str) -> bytes:
    return blake2b(f"{tower}\0{window}".encode("utf-8", "surrogatepass"), digest_size=16).digest()

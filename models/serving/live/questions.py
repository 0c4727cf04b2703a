"""An encoder as searches use it: the vector of a question, kept for when it is asked again."""

from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from models.encoders.port import Encoder
from streams.errors import MillraceError, Unavailable

FAULTS = (MillraceError, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, OSError)
"""What a model that is broken raises, its libraries included."""


class Questions:
    """One encoder and the questions that it was asked lately. May be shared by threads."""

    def __init__(self, encoder: Encoder, remembered: int) -> None:
        self.encoder = encoder
        self.vector = lru_cache(remembered)(partial(_encoded, encoder))  # no way back to self: freed with its owner
        """The vector of a text. Raises Unavailable if the encoder gives something that is no vector."""

    def prove(self) -> None:
        """Pays for what the first question would pay, and raises if the encoder cannot answer one."""
        self.encoder.warm_up()
        _encoded(self.encoder, "ready")


def _encoded(encoder: Encoder, text: str) -> NDArray[np.float32]:
    vectors = encoder.encode_texts([text])
    if vectors.shape != (1, encoder.dim) or not np.isfinite(vectors).all():
        raise Unavailable(f"the encoder {encoder.version} gives no vectors")
    return np.asarray(vectors[0], dtype=np.float32)

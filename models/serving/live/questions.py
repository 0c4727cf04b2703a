"""An encoder as searches use it: the vector of a question, kept for when it is asked again."""

from functools import lru_cache, partial
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from models.encoders.port import BREAKS, Encoder, Vectors
from schemas.items import Modality
from streams.errors import MillraceError, Unavailable

FAULTS = (MillraceError, *BREAKS)
"""What a model that is broken raises, its libraries included."""


class Questions:
    """One encoder and the questions that it was asked lately. May be shared by threads."""

    def __init__(self, encoder: Encoder, remembered: int) -> None:
        self.encoder = encoder
        self.vector = lru_cache(remembered)(partial(_encoded, encoder))  # no way back to self: freed with its owner
        """The vector of a text. Raises Unavailable if the encoder gives something that is no vector."""

    def prove(self) -> None:
        """Pays for what the first question would pay, and raises if the encoder cannot answer one, or sees nothing."""
        self.encoder.warm_up()
        _encoded(self.encoder, "ready")
        if Modality.IMAGE in self.encoder.modalities:
            _require_sound(self.encoder, self.encoder.encode_images([_grey()]))


def _encoded(encoder: Encoder, text: str) -> NDArray[np.float32]:
    vectors = encoder.encode_texts([text])
    _require_sound(encoder, vectors)
    return np.asarray(vectors[0], dtype=np.float32)


def _require_sound(encoder: Encoder, vectors: Vectors) -> None:
    if vectors.shape != (1, encoder.dim) or not np.isfinite(vectors).all():
        raise Unavailable(f"the encoder {encoder.version} gives no vectors")


def _grey() -> bytes:
    """A picture that every tower can see."""
    from PIL import Image

    content = BytesIO()
    Image.new("RGB", (32, 32), (127, 127, 127)).save(content, "PNG")
    return content.getvalue()

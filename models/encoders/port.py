"""What an encoder is: texts and pictures in, vectors of one shared space out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from schemas.items import Modality

Vectors = NDArray[np.float32]
"""One row for each input, in the order of the inputs, each of unit length."""
MISCOUNTS = (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError)
"""What an encoder that is broken raises while it computes; what is wrong with an input is a BadRecord."""
BREAKS = (*MISCOUNTS, OSError)
"""The same, where it may be loaded meanwhile."""


class Encoder(Protocol):
    """Turns items and queries into vectors of one shared space. May be called from several threads at once."""

    @property
    def version(self) -> str:
        """Immutable name of the space: vectors are comparable only where it is the same."""
        ...

    @property
    def dim(self) -> int:
        """Numbers in a vector."""
        ...

    @property
    def modalities(self) -> frozenset[Modality]:
        """What it can encode."""
        ...

    @property
    def untrained(self) -> frozenset[Modality]:
        """Of these modalities the vectors mean nothing yet: their tower has not been trained."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts. A text longer than the model's window counts by its beginning: `split` it first."""
        ...

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        """Vectors of encoded pictures (PNG, JPEG and others). Raises BadRecord if one of them cannot be decoded."""
        ...

    def split(self, text: str) -> list[str]:
        """Consecutive windows of a text that the model sees whole; what lies beyond the last one is left out."""
        ...

    def warm_up(self) -> None:
        """Pay for what the first call would pay, so that no user has to."""
        ...

"""Contents for the contract of the vector index, in a space of four dimensions."""

from collections.abc import Sequence
from itertools import count

import numpy as np
from numpy.typing import NDArray

from models.vector_index.port import Content, Part
from schemas.items import Modality

SPACE = "contract-0001"
DIM = 4
EAST, NORTH, UP = (1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0)
_TENANTS = count()


def direction(*numbers: float) -> NDArray[np.float32]:
    """A vector of unit length."""
    vector = np.array(numbers, np.float32)
    return vector / np.linalg.norm(vector)


def part(text: str | None = None, vector: Sequence[float] = EAST, **fields: object) -> Part:
    return Part(**{"modality": Modality.TEXT, "vector": direction(*vector).tobytes(), "text": text, **fields})  # type: ignore[arg-type]


def content(*parts: Part, **fields: object) -> Content:
    return Content(**{"modality": Modality.TEXT, "model_version": SPACE, "parts": parts, **fields})  # type: ignore[arg-type]


def texts(*words: str) -> Content:
    """A content with one part for each text."""
    return content(*(part(text) for text in words))


def next_tenant() -> str:
    """A tenant that no other test has."""
    return f"tenant-{next(_TENANTS)}"

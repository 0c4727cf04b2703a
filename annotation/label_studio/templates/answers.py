"""An answer, freed from Label Studio's format: what consensus and training compare."""

from dataclasses import dataclass
from typing import Literal

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in a picture; all numbers but `rotation` are percent of the picture's width or height."""

    label: str
    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0
    """Degrees, clockwise, about the upper left corner."""
    picture: tuple[int, int] | None = None
    """Width and height of the picture in pixels, where the annotator's page said so."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a recording."""

    label: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Of the fields, the one that the task's kind asks for is filled."""

    labels: tuple[str, ...] = ()
    """Class and multi-label; in the task's order. None at all is an answer to the latter."""
    boxes: tuple[Box, ...] = ()
    spans: tuple[Span, ...] = ()
    """Audio and video segments."""
    text: str | None = None
    """A caption, or the answer to the question."""
    rating: int | None = None
    """Relevance, 1 to 4."""
    choice: Side | None = None
    """The better one of two."""

"""Settings of signals."""

from typing import Annotated

from pydantic import Field, PositiveInt

from streams.faust.windowed import Pace


class SignalsConfig(Pace):
    """Over which windows use is measured."""

    window_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Width of the windows of event time by which searches are counted; measured as soon as a window has ended."""
    grace_s: Annotated[int, Field(ge=0, le=86_400)] = 600
    """How long after the end of a window feedback about its searches still counts, and so changes what was measured."""
    max_open: PositiveInt = 50_000
    """Searches in open windows, their feedback, and feedback that waits for its search: of each so many; what comes
    beyond is counted and dropped. A search with ten results takes 16 kB."""

"""Settings of signals."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class SignalsConfig(BaseModel):
    """Over which windows use is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: Annotated[int, Field(ge=1, le=86_400)] = 60
    """Width of the windows of event time by which searches are counted; measured as soon as a window has ended."""
    grace_s: Annotated[int, Field(ge=0, le=86_400)] = 600
    """How long after the end of a window feedback about its searches still counts, and so changes what was measured."""
    tick_s: PositiveFloat = 0.25
    """How often it is asked whether something is due."""
    settle_s: PositiveFloat = 1.0
    """A log that was read to its end counts as read up to this long before the broker last said so. Longer than a
    record may take between its time stamp and the log."""
    max_open: PositiveInt = 50_000
    """Searches in open windows, their feedback, and feedback that waits for its search: of each so many; what comes
    beyond is counted and dropped. A search with ten results takes 16 kB."""
    flush_timeout_s: PositiveFloat = 15.0
    """After this long without acknowledgement the broker counts as unavailable."""
    stop_s: PositiveFloat = 5.0
    """How long the reading library may take to stop; after that it is left behind."""

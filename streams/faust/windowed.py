"""What Faust drives: records in, facts out, and how far the log is read for good."""

from collections.abc import Mapping
from typing import Protocol

from pydantic import BaseModel, ConfigDict, PositiveFloat

from schemas.event import Event
from streams.record import Record, TopicPartition
from streams.topics import Topic


class Pace(BaseModel):
    """How often a log is looked at, and how long is waited for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tick_s: PositiveFloat = 0.25
    """How often it is asked whether something is due."""
    settle_s: PositiveFloat = 1.0
    """A log that was read to its end counts as read up to this long before the broker last said so. Longer than a
    record may take between its time stamp and the log."""
    flush_timeout_s: PositiveFloat = 15.0
    """After this long without acknowledgement the broker counts as unavailable."""
    stop_s: PositiveFloat = 5.0
    """How long the reading library may take to stop; after that it is left behind."""


class Windowed(Protocol):
    """State over windows of time. A record is done with once nothing that it counts in can change any more; until then
    its offset is not committed, so that a restart reads it again, and the rest is passed over by `closed_ms`."""

    @property
    def name(self) -> str:
        """Of the stage, and so of its group."""
        ...

    @property
    def sources(self) -> tuple[Topic, ...]: ...

    @property
    def answers(self) -> Topic: ...

    @property
    def memory_ms(self) -> tuple[int, int]:
        """Width of a window, and how long after its end something may still count in it."""
        ...

    @property
    def closed_ms(self) -> int:
        """Windows were closed up to there."""
        ...

    def reset(self, begins: Mapping[TopicPartition, int], closed_ms: int) -> None:
        """Forgets everything: partitions are read from `begins` on, and what closed before is passed over."""
        ...

    def take(self, record: Record) -> None:
        """Counts a record in."""
        ...

    def due(self, ended_ms: int, closed_ms: int) -> list[Event]:
        """What there is to tell of windows that ended by the one time, and finally of those that closed by the other.

        Tell it before this is called again, or before `marks`.
        """
        ...

    def marks(self) -> dict[TopicPartition, int]:
        """Next offset to read of each partition if everything told so far is in the log."""
        ...

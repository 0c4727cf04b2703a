"""What consensus answered to a record, in a form that can be kept and given again."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import TypeAdapter

from schemas.annotations import AnnotationRequested, LabelSettled, LabelUnsettled
from schemas.event import Count, Event, Fact


class Told(Fact):
    """The facts that follow one record. Kept, so that the record gets the very same ones when it comes again."""

    offset: Count = 0
    """Of the record, within its partition."""
    cause: UUID
    """Id of the record's fact; a mended record may come with the place of the broken one."""
    settled: tuple[LabelSettled, ...] = ()
    unsettled: tuple[LabelUnsettled, ...] = ()
    requested: tuple[AnnotationRequested, ...] = ()

    @classmethod
    def of(cls, cause: UUID, offset: int, events: Sequence[Event]) -> "Told":
        """The answer that consists of these events."""
        return cls(
            offset=offset,
            cause=cause,
            settled=tuple(event for event in events if isinstance(event, LabelSettled)),
            unsettled=tuple(event for event in events if isinstance(event, LabelUnsettled)),
            requested=tuple(event for event in events if isinstance(event, AnnotationRequested)),
        )

    @property
    def events(self) -> tuple[Event, ...]:
        """What became of the label comes before the question that follows from it."""
        return (*self.settled, *self.unsettled, *self.requested)


TOLD = TypeAdapter(list[Told])

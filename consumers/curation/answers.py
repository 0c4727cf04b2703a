"""What curation answered to a record, in a form that can be kept and given again."""

from uuid import UUID

from pydantic import TypeAdapter

from schemas.event import Event, Fact
from schemas.items import ItemCurated, ItemRejected, ItemWithdrawn, Version


class Answer(Fact):
    """The events that follow one raw record. Kept, so that the record gets the very same ones when it comes again."""

    version: Version
    """Of the record, within its partition."""
    cause: UUID
    """Id of the raw fact; a mended record may come with the place of the broken one."""
    curated: ItemCurated | None = None
    rejected: ItemRejected | None = None
    withdrawn: ItemWithdrawn | None = None

    @property
    def events(self) -> tuple[Event, ...]:
        """The answer as the stage gives it; the verdict comes before its consequence."""
        return tuple(event for event in (self.curated, self.rejected, self.withdrawn) if event is not None)


ANSWERS = TypeAdapter(list[Answer])

"""Items as clients send them, turned into offers, which the producer's rules make facts of."""

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from schemas.event import Name
from schemas.items import Modality
from streams.errors import BadRecord
from streams.publishing.offer import UNKNOWN_TYPE, Offer

MEDIA_TYPE = r"^[A-Za-z0-9!#$&^_.+-]{1,63}/[A-Za-z0-9!#$&^_.+-]{1,63}$"

PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""The smallest GIF, for examples."""

Word = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class MediaBody(BaseModel):
    """A medium inside a JSON body."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base64: str
    """The bytes, in standard base64 with padding."""
    media_type: Annotated[str, StringConstraints(pattern=MEDIA_TYPE)] = UNKNOWN_TYPE
    """As declared; curation looks at the bytes."""


class ItemDescription(BaseModel):
    """What is said about an item. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    item_id: Name | None = None
    """Chosen by the producer; the same id again is a newer version of the same item. Left out, one is made."""
    text: str | None = None
    """The text itself, or the caption of a medium."""
    modality: Modality | None = None
    """As declared; curation looks at the bytes and decides."""
    source: Annotated[str, StringConstraints(max_length=512)] = ""
    """Where the data comes from."""
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")] | None = None
    """ISO 639 code in lower case."""
    tags: Annotated[tuple[Word, ...], Field(max_length=100)] = ()
    nsfw_flag: bool | None = None
    """Not safe for work; null means nobody has judged it."""
    licence: Word | None = None
    attributes: Annotated[dict[Word, str], Field(max_length=200)] = {}
    """Further columns of the producer's data, as text."""


class ItemBody(ItemDescription):
    """An item to publish. At least one of `text` and `media` is needed."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["text"], "properties": {"text": {"type": "string"}}},
                {"required": ["media"], "properties": {"media": {"type": "object"}}},
            ]
        }
    )

    media: MediaBody | None = None

    @model_validator(mode="after")
    def _something_to_keep(self) -> "ItemBody":
        if self.text is None and self.media is None:
            raise ValueError("an item needs text or media")
        return self


class Accepted(BaseModel):
    """The log has the fact; the loop does the rest within seconds."""

    item_id: str
    event_id: UUID
    """Identity of the fact, for following it through the loop."""
    status: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True)
class Draft:
    """An item to publish, with its medium as bytes."""

    description: ItemDescription
    content: bytes | None = None
    media_type: str = UNKNOWN_TYPE

    def offer(self, item_id: str) -> Offer:
        """As the producer's rules take it; `item_id` serves an item that has none of its own."""
        said = self.description.model_dump(exclude={"item_id", "media"})
        named = self.description.item_id or item_id
        return Offer(item_id=named, content=self.content, media_type=self.media_type, **said)


def draft_of(body: ItemBody) -> Draft:
    """The draft in a JSON body. Raises BadRecord if its base64 is broken."""
    if body.media is None:
        return Draft(body)
    return Draft(body, decoded(body.media.base64, "media.base64"), body.media.media_type)


def decoded(text: str, place: str) -> bytes:
    """The bytes of standard base64. Raises BadRecord that names the place."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRecord("invalid_base64", f"{place}: {error}") from error

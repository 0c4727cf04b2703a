"""An item as somebody offers it, and the fact that it becomes.

Text travels in the record while it is short and as a medium of type text/plain beyond that. A text file that is not
UTF-8 travels as the bytes that it is, so that curation can refuse it with a reason instead of nobody knowing of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError, to_json

from schemas.event import ENVELOPE_FIELDS
from schemas.items import ItemPublished, Modality
from streams.errors import BadRecord
from streams.media.store import ref_to

INLINE_TEXT_BYTES = 256 * 1024
"""Longest text inside a record, as JSON writes it."""
PLAIN_TEXT = "text/plain"
TEXT_TYPES = frozenset({PLAIN_TEXT, "text/html", "text/markdown"})
UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Offer:
    """An item before anything is stored. `content` is its medium: bytes, or a file that is read when its turn comes."""

    item_id: str
    text: str | None = None
    """The text itself, or the caption of a medium."""
    content: bytes | Path | None = None
    media_type: str = UNKNOWN_TYPE
    """MIME type as declared; curation looks at the bytes."""
    modality: Modality | None = None
    source: str = ""
    language: str | None = None
    tags: tuple[str, ...] = ()
    nsfw_flag: bool | None = None
    licence: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a source came upon: an offer, or the reason why there is none."""

    place: str
    """Where a person finds it: a path, with the line or row behind a colon."""
    what: Offer | BadRecord
    weight: int = 0
    """Bytes of input that are done with it; for progress only."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A fact ready to be sent, with the bytes that must be stored before."""

    item: ItemPublished
    content: bytes | None
    """None where there is none, or where it is stored already."""
    digest: bytes
    """Of content and description together: two offers with one digest say the same."""


def prepare(offer: Offer, tenant: str, max_bytes: int) -> Prepared:
    """The fact of an offer. Reads its file; raises BadRecord for what cannot be published."""
    text, content, media_type = _carried(offer, max_bytes)
    attributes = dict(sorted(offer.attributes.items()))
    if content is None and offer.media_type in TEXT_TYPES - {PLAIN_TEXT}:
        attributes["media_type"] = offer.media_type
    item = _validated(
        {
            "tenant": tenant,
            "item_id": offer.item_id,
            "modality": offer.modality or (Modality.TEXT if content is None else None),
            "text": text,
            "media": None if content is None else ref_to(content, media_type),
            "source": offer.source,
            "language": offer.language,
            "tags": offer.tags,
            "nsfw_flag": offer.nsfw_flag,
            "licence": offer.licence,
            "attributes": attributes,
        }
    )
    return Prepared(item, content, _digest(item))


def _carried(offer: Offer, max_bytes: int) -> tuple[str | None, bytes | None, str]:
    """Text inside the record, bytes outside it, and the type of those bytes."""
    content = _bytes(offer.content, max_bytes)
    if content is None:
        return _short_or_outside(offer.text)
    if offer.text is None and offer.media_type in TEXT_TYPES and len(content) <= INLINE_TEXT_BYTES:
        try:
            text, outside, _ = _short_or_outside(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            return None, content, offer.media_type
        return text, outside, offer.media_type
    if offer.text is not None and _json_bytes(offer.text) > INLINE_TEXT_BYTES:
        raise BadRecord("caption_too_long", f"the text beside a medium has at most {INLINE_TEXT_BYTES} bytes")
    return offer.text, content, offer.media_type


def _short_or_outside(text: str | None) -> tuple[str | None, bytes | None, str]:
    if text is None or _json_bytes(text) <= INLINE_TEXT_BYTES:
        return text, None, PLAIN_TEXT
    return None, text.encode(), PLAIN_TEXT


def _json_bytes(text: str) -> int:
    try:
        return len(to_json(text))
    except PydanticSerializationError as error:
        raise BadRecord("invalid_text", "half a surrogate pair, which has no UTF-8") from error


def _bytes(content: bytes | Path | None, max_bytes: int) -> bytes | None:
    if not isinstance(content, Path):
        return content
    try:
        with content.open("rb") as file:
            read = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise BadRecord("missing_file", f"there is no file {content}") from error
    except OSError as error:
        raise BadRecord("unreadable_file", f"{content}: {error.strerror}") from error
    if len(read) > max_bytes:
        raise BadRecord("media_too_large", f"{content} has more than {max_bytes} bytes")
    return read


def _validated(fields: dict[str, object]) -> ItemPublished:
    try:
        return ItemPublished.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BadRecord("invalid_item", f"{place or 'item'}: {first['msg']}"[:200]) from error


def _digest(item: ItemPublished) -> bytes:
    """Fields at their defaults are left out, so that a later field changes no digest."""
    return sha256(item.model_dump_json(exclude=set(ENVELOPE_FIELDS), exclude_defaults=True).encode()).digest()

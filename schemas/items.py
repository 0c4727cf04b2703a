"""Facts about items: what producers publish, what curation decides, what gets embedded and indexed.

An item's `version` is the place of its record in the log: `log epoch * 2**40 + offset` in `items.raw`. One item always
lies in one partition, so versions of one item only rise, and no clock is involved.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, NonNegativeFloat, model_validator

from schemas.event import Count, Event, Fact, Moment, Name, PositiveCount, Probability, Sha256, Word

Version = Annotated[int, Field(ge=0, lt=2**52)]
"""Indexes keep twice a version exactly as a double precision number."""


class Modality(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"


class MediaRef(Fact):
    """Bytes kept in the object store, named by what they are."""

    uri: Name
    """Where the bytes lie, such as `media/ab/abcd…`, relative to the store of the deployment."""
    sha256: Sha256
    length: Count
    """Size in bytes."""
    media_type: str
    """MIME type; as declared in ItemPublished, as found in the bytes in ItemCurated."""


class ItemFact(Event):
    """Any fact about one item. Its Kafka key is `tenant/item_id`."""

    tenant: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")] = "default"
    item_id: Name


class Described(Fact):
    """What people filter by, carried along with the item."""

    source: str = ""
    """Where the data comes from, as its producer names it: a data set, a site, a folder."""
    language: str | None = None
    """ISO 639-1 code in lower case; declared in ItemPublished, found by curation afterwards."""
    tags: tuple[str, ...] = ()
    nsfw_flag: bool | None = None
    """Not safe for work; None means nobody has judged it."""
    licence: str | None = None
    attributes: dict[str, str] = Field(default_factory=dict)
    """Further columns of the producer's data, as text."""


class ItemPublished(ItemFact, Described):
    """A producer offers an item, new or changed. At least one of text and media is present."""

    modality: Modality | None = None
    """As declared; curation looks at the bytes and decides."""
    text: str | None = None
    """The text itself, or the caption of a medium. Longer texts travel as media of type text/plain."""
    media: MediaRef | None = None

    @model_validator(mode="after")
    def _something_to_keep(self) -> "ItemPublished":
        if self.text is None and self.media is None:
            raise ValueError("an item needs text or media")
        return self


class WithdrawalMode(StrEnum):
    DELETE = "delete"
    """Never found again."""
    ERASE = "erase"
    """Never found again, and its bytes are to be removed."""
    REPLACED = "replaced"
    """Newer content was published but cannot be found (yet), so the older content must not be found either."""


class ItemWithdrawn(ItemFact):
    """An item must not be found any more. Published again later, it lives again with a higher version."""

    version: Version | None = None
    """This and everything older must not be found. None in items.raw: the log assigns it, for every later topic.

    A replacement names the version just below the newer content, which therefore can still take its place later.
    """
    mode: Word = WithdrawalMode.DELETE.value
    """One of WithdrawalMode, or of a newer list; every mode withdraws."""


class MediaFacts(Fact):
    """What decoding a medium showed. Fields that do not apply are None."""

    width_px: PositiveCount | None = None
    height_px: PositiveCount | None = None
    duration_s: NonNegativeFloat | None = None
    frames: Count | None = None
    sample_rate_hz: PositiveCount | None = None
    channels: PositiveCount | None = None
    codec: str | None = None


class ItemCurated(ItemFact, Described):
    """An item passed curation: clean text, media that decode, facts read from the bytes."""

    version: Version
    modality: Modality
    text: str | None = None
    """Valid Unicode, NFC, without control characters."""
    media: MediaRef | None = None
    media_facts: MediaFacts | None = None
    language_confidence: Probability | None = None
    content_sha256: Sha256
    """Digest of the content that exact duplicates share: the media's bytes, else the clean text."""
    published_at: Moment
    """When the producer published this version."""


class RejectReason(StrEnum):
    UNREADABLE = "unreadable"
    """The bytes do not decode as what they are."""
    EMPTY = "empty"
    UNSUPPORTED_TYPE = "unsupported_type"
    """The bytes are of a type that is not on the allow-list."""
    TYPE_MISMATCH = "type_mismatch"
    """The declared modality and the bytes contradict each other."""
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    EXACT_DUPLICATE = "exact_duplicate"
    LANGUAGE_NOT_ALLOWED = "language_not_allowed"
    INVALID_TEXT = "invalid_text"
    """Not UTF-8, lone surrogates or mostly control characters."""
    MEDIA_MISSING = "media_missing"
    """The referenced bytes are not in the object store, or are not the referenced bytes."""


class ItemRejected(ItemFact):
    """Curation refused this version of the item, and says by which measure."""

    version: Version
    reason: Word
    """One of RejectReason, or of a newer list."""
    measured: str | None = None
    """The value that offended, with its unit, such as `12 px`; for a duplicate the item it repeats."""
    threshold: str | None = None
    """The bound that it broke, with its unit."""


class EmbeddedPart(Fact):
    """One vector of an item. Long texts have several parts, captioned media two."""

    part: Count
    modality: Modality
    """What was embedded: the caption of a picture is text."""
    vector: bytes
    """`dim` numbers, float32, little-endian, of unit length; base64 in JSON."""
    text: str | None = None
    """The words behind the vector, for keyword search and for showing."""
    untrained: bool = False
    """The tower behind this vector has not been trained: its neighbours mean nothing yet."""


class ItemEmbedded(ItemFact, Described):
    """An item's vectors in the space of one model version."""

    version: Version
    modality: Modality
    model_version: Name
    dim: PositiveCount
    parts: Annotated[tuple[EmbeddedPart, ...], Field(min_length=1)]
    media: MediaRef | None = None
    published_at: Moment

    @model_validator(mode="after")
    def _vectors_of_one_length(self) -> "ItemEmbedded":
        for part in self.parts:
            if len(part.vector) != 4 * self.dim:
                raise ValueError(f"vector of part {part.part} is not 4 bytes a dimension")
        return self


class ItemIndexed(ItemFact):
    """A version of an item, or its withdrawal, has reached the index."""

    version: Version
    model_version: Name | None = None
    """None for a withdrawal."""
    parts: Count
    """Points that can be found; 0 for a withdrawal."""
    published_at: Moment | None = None
    """When the producer published this version; `occurred_at - published_at` is the freshness."""

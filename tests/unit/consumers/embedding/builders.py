"""Curated items with all the boring fields filled in."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from schemas.event import Event
from schemas.items import ItemCurated, ItemWithdrawn, MediaRef, Modality
from streams.media.store import uri_of
from streams.record import Origin
from streams.stage import Incoming

PUBLISHED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def curated(item_id: str = "a", modality: Modality = Modality.TEXT, **facts: object) -> ItemCurated:
    """A curated item; its event id is computed from its item id."""
    fields: dict[str, object] = {
        "event_id": UUID(bytes=sha256(item_id.encode()).digest()[:16]),
        "tenant": "acme",
        "item_id": item_id,
        "version": 7,
        "modality": modality,
        "content_sha256": sha256(item_id.encode()).hexdigest(),
        "published_at": PUBLISHED_AT,
    }
    return ItemCurated.model_validate(fields | facts)


def withdrawal(item_id: str = "a", **facts: object) -> ItemWithdrawn:
    return ItemWithdrawn.model_validate({"tenant": "acme", "item_id": item_id} | facts)


def absent(length: int = 10) -> MediaRef:
    """A reference to bytes that nobody has stored."""
    digest = sha256(str(length).encode()).hexdigest()
    return MediaRef(uri=uri_of(digest), sha256=digest, length=length, media_type="image/png")


def incoming(*facts: Event) -> list[Incoming]:
    return [Incoming(fact, Origin("curated", 0, place)) for place, fact in enumerate(facts)]

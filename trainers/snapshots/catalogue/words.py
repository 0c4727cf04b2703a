"""The words of a text that travels by reference."""

from schemas.items import MediaRef
from streams.errors import BadRecord
from streams.media.store import MediaStore

PLAIN = "text/plain"


def words_of(ref: MediaRef | None, media: MediaStore, text_chars: int) -> str | None:
    """Its beginning; None where it is no text, or not there any more. Raises Unavailable."""
    if ref is None or ref.media_type != PLAIN:
        return None
    try:
        return media.get(ref).decode("utf-8-sig")[:text_chars]
    except (BadRecord, UnicodeDecodeError):
        return None

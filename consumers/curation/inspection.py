"""One item, looked at without regard to any other: what it is, or why it cannot be kept.

The rules in their order: words clean, bytes there, type by bytes, no contradiction with what was declared, type on the
allow-list, decodable within limits, length, language. The first that objects decides. The same item gets the same
finding whenever it is looked at, as long as its media and the configuration stay.
"""

from dataclasses import dataclass
from hashlib import sha256

from consumers.curation.config import CurationConfig
from consumers.curation.content.description import describe
from consumers.curation.content.languages import language_of, not_allowed
from consumers.curation.content.media_types import KNOWN, SOUND_ONLY, TEXT, Declared, Medium, contradiction, type_of
from consumers.curation.content.objections import Objection, at_least, at_most, first, shown
from consumers.curation.content.text import clean, decode_utf8
from schemas.items import Described, ItemPublished, MediaFacts, MediaRef, Modality, RejectReason
from streams.errors import BadRecord
from streams.media.store import TOO_LARGE, MediaStore


@dataclass(frozen=True, slots=True)
class Content:
    """An item without objections."""

    modality: Modality
    content_sha256: str
    text: str | None
    media: MediaRef | None
    media_facts: MediaFacts | None
    description: Described
    """Source, language, tags, licence and attributes, with clean words."""
    language_confidence: float | None
    """None where the language is only declared."""


def inspect(item: ItemPublished, media: MediaStore, config: CurationConfig) -> Content | Objection:
    """What the item is, or the first objection to it. Raises Unavailable while the media store is down."""
    words = clean(item.text or "", config.max_control_share)
    if isinstance(words, Objection):
        return words
    described = describe(item, config)
    if isinstance(described, Objection):
        return described
    if item.media is None:
        declared = Declared(item.modality, TEXT)
        return contradiction(declared, TEXT) or _text(words, described, media, config)
    return _medium(item.media, item.modality, words, described, media, config)


def _medium(
    ref: MediaRef,
    modality: Modality | None,
    words: str,
    described: Described,
    media: MediaStore,
    config: CurationConfig,
) -> Content | Objection:
    content = _fetched(ref, media, config)
    if isinstance(content, Objection):
        return content
    declared = Declared(modality, ref.media_type)
    found = type_of(content, declared)
    if isinstance(found, Objection):
        return found
    if found == TEXT:
        body = _body(content, declared, config)
        return body if isinstance(body, Objection) else _text(_joined(words, body), described, media, config)
    examined = _examined(content, found, declared, config)
    if isinstance(examined, Objection):
        return examined
    return _captioned(ref, examined, words, described, config)


def _fetched(ref: MediaRef, media: MediaStore, config: CurationConfig) -> bytes | Objection:
    try:
        return media.get(ref, config.max_media_bytes)
    except BadRecord as refusal:
        if refusal.reason == TOO_LARGE:
            return Objection(RejectReason.TOO_LARGE, f"{ref.length} bytes", f"{config.max_media_bytes} bytes")
        return Objection(RejectReason.MEDIA_MISSING, shown(refusal.detail))


def _examined(content: bytes, found: str, declared: Declared, config: CurationConfig) -> Medium | Objection:
    """The medium decoded. Only that tells whether a container of moving pictures holds sound alone."""
    perhaps = SOUND_ONLY.get(found, found)
    objection = _type_objection(declared, found, config)
    if objection is not None and (perhaps == found or _type_objection(declared, perhaps, config) is not None):
        return objection
    examined = _decoded(content, found, config)
    if isinstance(examined, Objection):
        return examined
    return _type_objection(declared, examined.media_type, config) or examined


def _decoded(content: bytes, found: str, config: CurationConfig) -> Medium | Objection:
    """Loads a decoder when the first medium of its kind comes."""
    if KNOWN[found] is Modality.IMAGE:
        from consumers.curation.content.images import examine_image

        return examine_image(content, found, config)
    from consumers.curation.content.recordings import examine_recording

    return examine_recording(content, found, config)


def _type_objection(declared: Declared, found: str, config: CurationConfig) -> Objection | None:
    if found not in config.media_types:
        return Objection(RejectReason.UNSUPPORTED_TYPE, found)
    return contradiction(declared, found)


def _body(content: bytes, declared: Declared, config: CurationConfig) -> str | Objection:
    too_large = at_most(len(content), config.max_text_bytes, "bytes", RejectReason.TOO_LARGE)
    objection = _type_objection(declared, TEXT, config) or too_large
    if objection is not None:
        return objection
    text = decode_utf8(content)
    return text if isinstance(text, Objection) else clean(text, config.max_control_share)


def _joined(title: str, body: str) -> str:
    return f"{title}\n\n{body}" if title and body else title or body


def _text(words: str, described: Described, media: MediaStore, config: CurationConfig) -> Content | Objection:
    if not words:
        return Objection(RejectReason.EMPTY, "0 characters", f"{config.min_text_chars} characters")
    too_short = at_least(len(words), config.min_text_chars, "characters", RejectReason.TOO_SHORT)
    too_long = at_most(len(words), config.max_text_chars, "characters", RejectReason.TOO_LONG)
    spoken = first((too_short, too_long)) or _in_language(words, described, config)
    if isinstance(spoken, Objection):
        return spoken
    described, confidence = spoken
    encoded = words.encode()
    digest = sha256(encoded).hexdigest()
    if len(encoded) <= config.inline_text_bytes:
        return Content(Modality.TEXT, digest, words, None, None, described, confidence)
    return Content(Modality.TEXT, digest, None, media.put(encoded, TEXT), None, described, confidence)


def _captioned(
    ref: MediaRef, examined: Medium, words: str, described: Described, config: CurationConfig
) -> Content | Objection:
    size = len(words.encode())
    too_long = at_most(size, config.inline_text_bytes, "bytes of caption", RejectReason.TOO_LONG)
    spoken = too_long or _in_language(words, described, config)
    if isinstance(spoken, Objection):
        return spoken
    described, confidence = spoken
    settled = ref.model_copy(update={"media_type": examined.media_type})
    modality = KNOWN[examined.media_type]
    return Content(modality, ref.sha256, words or None, settled, examined.facts, described, confidence)


def _in_language(
    words: str, described: Described, config: CurationConfig
) -> tuple[Described, float | None] | Objection:
    """The description with the language that was found, or with the declared one where none is sure."""
    language = language_of(words, config.language_sample_chars)
    objection = not_allowed(language, config.languages, config.min_language_confidence)
    if objection is not None:
        return objection
    if language is None or language.confidence < config.min_language_confidence:
        return described, None
    return described.model_copy(update={"language": language.code}), language.confidence

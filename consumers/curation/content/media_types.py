"""What bytes are, told by the bytes: signatures of the formats we can decode, and a classifier for all others.

The classifier (magika, some 10 ms a file) is asked only about bytes that have no signature of ours and do not read as
text; its answer names what is refused, so it never lets anything in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from consumers.curation.content.objections import Objection, shown
from consumers.curation.content.text import looks_like_text
from schemas.items import MediaFacts, Modality, RejectReason

if TYPE_CHECKING:
    from magika import Magika

TEXT = "text/plain"

KNOWN: dict[str, Modality] = {
    TEXT: Modality.TEXT,
    "image/bmp": Modality.IMAGE,
    "image/gif": Modality.IMAGE,
    "image/jpeg": Modality.IMAGE,
    "image/png": Modality.IMAGE,
    "image/tiff": Modality.IMAGE,
    "image/webp": Modality.IMAGE,
    "audio/aac": Modality.AUDIO,
    "audio/flac": Modality.AUDIO,
    "audio/mp4": Modality.AUDIO,
    "audio/mpeg": Modality.AUDIO,
    "audio/ogg": Modality.AUDIO,
    "audio/wav": Modality.AUDIO,
    "audio/webm": Modality.AUDIO,
    "audio/x-matroska": Modality.AUDIO,
    "video/mp4": Modality.VIDEO,
    "video/ogg": Modality.VIDEO,
    "video/quicktime": Modality.VIDEO,
    "video/webm": Modality.VIDEO,
    "video/x-matroska": Modality.VIDEO,
    "video/x-msvideo": Modality.VIDEO,
}
"""Every type that can be decoded here, and what it is for people."""

SOUND_ONLY = {
    "video/mp4": "audio/mp4",
    "video/ogg": "audio/ogg",
    "video/quicktime": "audio/mp4",
    "video/webm": "audio/webm",
    "video/x-matroska": "audio/x-matroska",
}
"""Containers of moving pictures, and what they are when they hold sound alone."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What a producer says about a medium. None means it says nothing."""

    modality: Modality | None
    media_type: str


@dataclass(frozen=True, slots=True)
class Medium:
    """A medium that decodes: its settled type, and what decoding showed."""

    media_type: str
    facts: MediaFacts


def type_of(content: bytes, declared: Declared) -> str | Objection:
    """The MIME type of the bytes: one of KNOWN, or an objection that says what they are instead."""
    if not content:
        return Objection(RejectReason.EMPTY, "0 bytes", "1 byte")
    if (found := _by_signature(content)) is not None:
        return found
    if _modality_declared(declared) is Modality.TEXT or looks_like_text(content):
        return TEXT
    return _by_classifier(content, declared)


def contradiction(declared: Declared, found: str) -> Objection | None:
    """Objects when the bytes are of another kind than declared.

    A wrong type of the right kind is put right silently: a PNG called `.jpg` is still a picture. So is a container
    with sound alone that its extension calls a video. Text called a picture is a lie.
    """
    modality = _modality_declared(declared)
    if modality is None or modality is KNOWN[found]:
        return None
    if declared.modality is None and SOUND_ONLY.get(declared.media_type) == found:
        return None
    return Objection(RejectReason.TYPE_MISMATCH, found, shown(declared.modality or declared.media_type))


def _modality_declared(declared: Declared) -> Modality | None:
    if declared.modality is not None:
        return declared.modality
    kind = declared.media_type.partition("/")[0].strip().lower()
    return Modality(kind) if kind in set(Modality) else None


def _by_signature(content: bytes) -> str | None:
    return next((name for matches, name in SIGNATURES if matches(content)), None)


def _starts(*prefixes: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(prefixes)


def _riff(form: bytes) -> Callable[[bytes], bool]:
    return lambda content: content[:4] in (b"RIFF", b"RF64") and content[8:12] == form


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    return lambda content: content[4:8] == b"ftyp" and content[8:12] in brands


def _bmp(content: bytes) -> bool:
    header_length = int.from_bytes(content[14:18], "little")
    return content.startswith(b"BM") and content[6:10] == bytes(4) and header_length in (12, 40, 52, 56, 64, 108, 124)


def _ogg(video: bool) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(b"OggS") and (b"theora" in content[:512]) is video


def _matroska(webm: bool) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(b"\x1a\x45\xdf\xa3") and (b"webm" in content[:64]) is webm


def _mpeg_audio(content: bytes) -> bool:
    if content.startswith(b"ID3"):
        return len(content) > 10 and content[3] <= 4 and max(content[6:10]) < 0x80
    if len(content) < 4 or content[0] != 0xFF or content[1] & 0xE0 != 0xE0:
        return False
    layer, version = content[1] >> 1 & 3, content[1] >> 3 & 3
    bit_rate, sample_rate = content[2] >> 4, content[2] >> 2 & 3
    return layer in (1, 2) and version != 1 and bit_rate not in (0, 15) and sample_rate != 3


def _aac(content: bytes) -> bool:
    return len(content) > 7 and content[0] == 0xFF and content[1] & 0xF6 == 0xF0 and content[2] >> 2 & 15 < 13


SIGNATURES: tuple[tuple[Callable[[bytes], bool], str], ...] = (
    (_starts(b"\x89PNG\r\n\x1a\n"), "image/png"),
    (_starts(b"\xff\xd8\xff"), "image/jpeg"),
    (_riff(b"WEBP"), "image/webp"),
    (_starts(b"GIF87a", b"GIF89a"), "image/gif"),
    (_bmp, "image/bmp"),
    (_starts(b"II*\0", b"MM\0*"), "image/tiff"),
    (_riff(b"WAVE"), "audio/wav"),
    (_starts(b"fLaC\0\0\0\x22", b"fLaC\x80\0\0\x22"), "audio/flac"),
    (_mpeg_audio, "audio/mpeg"),
    (_aac, "audio/aac"),
    (_ogg(video=True), "video/ogg"),
    (_ogg(video=False), "audio/ogg"),
    (_brand(b"qt  "), "video/quicktime"),
    (_brand(b"M4A ", b"M4B ", b"mp41", b"mp42", b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"avc1"), "video/mp4"),
    (_brand(b"M4V ", b"M4VP", b"M4VH", b"mmp4", b"dash", b"MSNV", b"3gp4", b"3gp5", b"3gp6", b"3g2a"), "video/mp4"),
    (_matroska(webm=True), "video/webm"),
    (_matroska(webm=False), "video/x-matroska"),
    (_riff(b"AVI "), "video/x-msvideo"),
)
"""First match wins. Each looks at so much that no text and hardly any other binary passes for it."""


def _by_classifier(content: bytes, declared: Declared) -> str | Objection:
    guess = _classifier().identify_bytes(content).output
    if guess.is_text:
        return TEXT
    if guess.label not in ("unknown", "undefined", "empty"):
        return Objection(RejectReason.UNSUPPORTED_TYPE, shown(guess.mime_type))
    if _modality_declared(declared) is not None:
        return Objection(RejectReason.UNREADABLE, "no known signature", shown(declared.media_type))
    return Objection(RejectReason.UNSUPPORTED_TYPE, "application/octet-stream")


@cache
def _classifier() -> "Magika":
    from magika import Magika

    return Magika()

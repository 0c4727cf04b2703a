"""Text hygiene: whatever arrives as text leaves as clean Unicode, or not at all.

Clean means: no lone surrogates, NFC, `\\n` as the only line break, none of the characters that steer a terminal or turn
the reading direction around, no white space at the ends. Runs of combining marks are cut to 30, the limit of UAX #15's
Stream-Safe Text Format: no language needs more, and normalising a long run takes quadratic time.
"""

import re
import unicodedata
from functools import cache

from consumers.curation.content.objections import Objection
from schemas.items import RejectReason

MAX_MARKS = 30
UTF8_BOM = b"\xef\xbb\xbf"
OTHER_BOMS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}

_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f]")
_INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ufdd0-\ufdef]")
_LINE_BREAK = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_TROUBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff\ufdd0-\ufdef\ud800-\udfff]"
)
"""Anything that the four above look for, found in one pass."""


def decode_utf8(content: bytes) -> str | Objection:
    """The text in bytes that must be UTF-8, with or without a byte order mark."""
    for bom, name in OTHER_BOMS.items():
        if content.startswith(bom):
            return Objection(RejectReason.INVALID_TEXT, name, "UTF-8")
    try:
        return content.removeprefix(UTF8_BOM).decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        return Objection(RejectReason.INVALID_TEXT, f"byte 0x{content[error.start]:02x} at {error.start}", "UTF-8")


def clean(text: str, max_control_share: float) -> str | Objection:
    """The same words as clean Unicode; the empty string if nothing is left."""
    if not _TROUBLE.search(text):
        return (text if text.isascii() else _composed(text)).strip()
    if (surrogate := _SURROGATE.search(text)) is not None:
        found = f"U+{ord(surrogate.group()):04X} at {surrogate.start()}"
        return Objection(RejectReason.INVALID_TEXT, found, "no lone surrogates")
    visible, controls = _CONTROL.subn("", _LINE_BREAK.sub("\n", text))
    if controls > max_control_share * len(text):
        share = f"{controls / len(text):.0%} control characters"
        return Objection(RejectReason.INVALID_TEXT, share, f"{max_control_share:.0%} control characters")
    return _composed(_INVISIBLE.sub("", visible)).strip()


def looks_like_text(content: bytes) -> bool:
    """Whether bytes of unknown type read as text: UTF-8 with hardly any control characters."""
    text = decode_utf8(content)
    return isinstance(text, str) and len(_CONTROL.findall(text)) <= len(text) // 100


def _composed(text: str) -> str:
    if len(text) > MAX_MARKS and _mark().search(text):
        # Cut first: normalising a run of marks takes time quadratic in its length.
        text = _run_of_marks().sub(r"\1", text)
    return unicodedata.normalize("NFC", text)


@cache
def _mark() -> re.Pattern[str]:
    return re.compile(f"[{_marks_below(0x10000)}\U00010000-\U0001ffff]")  # all above: one range is fast, 60 are not


@cache
def _run_of_marks() -> re.Pattern[str]:
    mark = f"[{_marks_below(0x1F000)}]"
    return re.compile(f"({mark}{{{MAX_MARKS}}}){mark}+")


def _marks_below(end: int) -> str:
    return "".join(filter(_is_mark, map(chr, range(0x300, end))))


def _is_mark(character: str) -> bool:
    # A few marks of class 0, such as U+0F73, fall apart into marks of other classes.
    return unicodedata.combining(unicodedata.normalize("NFD", character)[0]) > 0

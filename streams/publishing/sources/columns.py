"""What the columns of a row mean: which is the text, which the id, which the file, and what only describes.

Names follow Hugging Face's folder conventions where those have one. A column without a meaning of its own becomes an
attribute, as text.
"""

import base64
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import PurePosixPath

from schemas.items import Modality
from streams.errors import BadRecord
from streams.publishing.offer import PLAIN_TEXT, Offer
from streams.publishing.sources.kinds import media_type_of, modality_of

TEXT = ("text", "caption")
ITEM_ID = ("item_id", "id")
LANGUAGE = ("language", "lang")
LICENCE = ("licence", "license")
FILE = "file_name"

_YES, _NO = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})
_EMBEDDED = {"bytes", "path"}


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns that the caller named; None means the usual names."""

    text: str | None = None
    item_id: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for items that do not say otherwise; tags add up."""

    source: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    licence: str | None = None

    def describe(self, offer: Offer, source: str) -> Offer:
        """The offer with the gaps filled; `source` is used where neither the item nor the caller names one."""
        return replace(
            offer,
            source=offer.source or (source if self.source is None else self.source),
            language=offer.language or self.language,
            licence=offer.licence or self.licence,
            tags=tuple(dict.fromkeys((*offer.tags, *self.tags))),
        )


def offer_of_row(values: Mapping[str, object], columns: Columns, default_id: str) -> Offer:
    """The offer in a row, its file not yet looked up. Raises BadRecord where a column makes no sense."""
    present = {name: value for name, value in values.items() if not _absent(value)}
    text = _taken(present, (columns.text,) if columns.text else TEXT)
    content, media_type = _embedded(present)
    return Offer(
        item_id=_item_id(present, columns) or default_id,
        text=text,
        content=content,
        media_type=media_type,
        modality=modality_of(media_type) if content is not None else Modality.TEXT,
        source=_taken(present, ("source",)) or "",
        language=(_taken(present, LANGUAGE) or "").lower() or None,
        licence=_taken(present, LICENCE),
        tags=_tags(present.pop("tags", None)),
        nsfw_flag=_flag(present.pop("nsfw_flag", None)),
        attributes={name: as_text(value) for name, value in present.items()},
    )


def require_content(offer: Offer, values: Mapping[str, object], columns: Columns) -> Offer:
    """The offer unless it is empty. Raises BadRecord that names the columns there are."""
    if offer.text is None and offer.content is None:
        wanted = columns.text or " or ".join(TEXT)
        raise BadRecord("missing_text", f"no column {wanted} with a text; there are {_listed(values)}")
    return offer


def file_of_row(values: Mapping[str, object], columns: Columns) -> tuple[str, str] | None:
    """Column and value of the file that a row names: `file_name`, else the first column that ends in `_file_name`."""
    names = [columns.file] if columns.file else [FILE, *(name for name in values if name.endswith(f"_{FILE}"))]
    for name in names:
        if isinstance(value := values.get(name), str) and value:
            return name, value
    return None


def as_text(value: object) -> str:
    """A cell as an attribute: strings as they are; numbers, lists and objects as JSON; the rest as written."""
    if not isinstance(value, bool | int | float | list | tuple | dict):
        return _written(value)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_written)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRecord("invalid_value", str(error)[:200]) from error


def _written(value: object) -> str:
    """Dates in ISO form, bytes in base64."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _absent(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _taken(present: dict[str, object], names: Iterable[str]) -> str | None:
    """The first of the named columns that is there, as text. The others stay and become attributes."""
    for name in names:
        if name in present:
            return as_text(present.pop(name))
    return None


def _item_id(present: dict[str, object], columns: Columns) -> str | None:
    if columns.item_id and columns.item_id not in present:
        raise BadRecord("missing_id", f"no column {columns.item_id} with an id; there are {_listed(present)}")
    return _taken(present, (columns.item_id,) if columns.item_id else ITEM_ID)


def _embedded(present: dict[str, object]) -> tuple[bytes | None, str]:
    """A medium inside the row, as tables hold it: a column of `{bytes, path}`."""
    for name, value in present.items():
        if isinstance(value, Mapping) and value.keys() == _EMBEDDED and isinstance(value["bytes"], bytes):
            del present[name]
            return value["bytes"], media_type_of(PurePosixPath(str(value["path"] or "")))
    return None, PLAIN_TEXT


def _tags(value: object) -> tuple[str, ...]:
    """A list, or words between commas."""
    if value is None:
        return ()
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list | tuple):
        raise BadRecord("invalid_value", "tags: neither a list nor words between commas")
    return tuple(stripped for word in words if (stripped := as_text(word).strip()))


def _flag(value: object) -> bool | None:
    word = "" if value is None else as_text(value).strip().lower()
    if word in _YES | _NO:
        return word in _YES
    if word:
        raise BadRecord("invalid_value", f"nsfw_flag: {word[:40]!r} is neither true nor false")
    return None


def _listed(values: Mapping[str, object]) -> str:
    return ", ".join(list(values)[:20]) or "none"

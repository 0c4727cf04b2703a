"""What a file declares itself to be by its name. Only a declaration: curation looks at the bytes."""

from pathlib import PurePath

from schemas.items import Modality
from streams.publishing.offer import PLAIN_TEXT, UNKNOWN_TYPE

_BY_SUFFIX = {
    ".txt": PLAIN_TEXT,
    ".md": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".avif": "image/avif",
    ".heic": "image/heic",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/opus",
    ".m4a": "audio/mp4",
    ".aac": "audio/aac",
    ".aiff": "audio/aiff",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
}
_MODALITIES = {modality.value: modality for modality in Modality}

TABLE_SUFFIXES = frozenset({".jsonl", ".ndjson", ".csv", ".tsv", ".parquet"})
_PACKED = ".gz"


def media_type_of(path: PurePath) -> str:
    """The MIME type that a file's extension stands for; the table is ours, so that all machines agree."""
    return _BY_SUFFIX.get(path.suffix.lower(), UNKNOWN_TYPE)


def modality_of(media_type: str) -> Modality | None:
    """The modality that a MIME type stands for, if any."""
    return _MODALITIES.get(media_type.partition("/")[0])


def table_suffix(path: PurePath) -> str | None:
    """`.csv` for `a.csv` and `a.csv.gz`; None for what is not a table."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if suffixes and suffixes[-1] == _PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in TABLE_SUFFIXES else None


def is_packed(path: PurePath) -> bool:
    return path.suffix.lower() == _PACKED


def table_stem(path: PurePath) -> str:
    """The name of a table without its extensions."""
    stem = path.name[: -len(_PACKED)] if is_packed(path) else path.name
    return PurePath(stem).stem

"""Finds items in files, folders and tables, in an order that is the same every time.

Folders follow Hugging Face's ImageFolder, AudioFolder and VideoFolder: a file `metadata.jsonl`, `.csv` or `.parquet`
describes the files that its column `file_name` names; without one, the name of a medium's sub-folder is its label.
Media that the metadata leave out are items too, just without columns; other files beside metadata are not.

Ids are stable: a file's path from the name of the given folder on; for a row its id column, else the path of its table
without extension and the row's number. Names that start with a dot are skipped.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from schemas.items import Modality
from streams.errors import BadRecord, Misconfigured
from streams.publishing.journal import Seen
from streams.publishing.offer import Found, Offer
from streams.publishing.sources.columns import Columns, Defaults, file_of_row, offer_of_row, require_content
from streams.publishing.sources.kinds import media_type_of, modality_of, table_stem, table_suffix
from streams.publishing.sources.rows import Row, read_table

METADATA = "metadata"
NOT_LABELS = frozenset({"train", "test", "validation", "valid", "val", "dev", "data", "images", "audio", "videos"})
"""Sub-folders that hold parts of a data set rather than a class."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read what is found."""

    columns: Columns = field(default_factory=Columns)
    defaults: Defaults = field(default_factory=Defaults)


@dataclass(frozen=True, slots=True)
class Place:
    """A file or folder on the way down. `item_id` is its path from the name of the given folder on."""

    path: Path
    item_id: str
    source: str
    governed: bool = False
    """Metadata here or further up say which files are items."""

    def below(self, name: str) -> "Place":
        return Place(self.path / name, f"{self.item_id}/{printable(name)}", self.source, self.governed)


def found_in(paths: Iterable[Path], reading: Reading) -> Iterator[Found]:
    """Every item below the paths. Raises Misconfigured, before the first item, for a path that is not there."""
    places = [_top(path) for path in paths]
    return (found for place in places for found in _Walk(reading).below(place))


def total_weight(paths: Iterable[Path]) -> int:
    """Bytes of all files that will be read, for progress."""
    total = 0
    for path in paths:
        if path.is_dir():
            for folder, _, names in os.walk(path):
                total += sum(_size(Path(folder, name)) for name in names if not name.startswith("."))
        else:
            total += _size(path)
    return total


def printable(name: str) -> str:
    """A file name as text; bytes that are not UTF-8 are written as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class _Walk:
    """One way through a folder. Remembers which files the metadata named."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._named = Seen()

    def below(self, place: Place) -> Iterator[Found]:
        if not place.path.is_dir():
            yield from self._file(place)
            return
        try:
            names = sorted(path.name for path in place.path.iterdir() if not path.name.startswith("."))
        except OSError as error:
            yield Found(printable(str(place.path)), BadRecord("unreadable_folder", str(error.strerror)))
            return
        metadata = [name for name in names if _is_metadata(name)]
        for name in metadata:
            place = replace(place, governed=True)
            yield from self._rows(place.below(name), place)
        for name in names:
            if name not in metadata and _walkable(place.path / name):
                yield from self.below(place.below(name))

    def _file(self, place: Place) -> Iterator[Found]:
        media_type = media_type_of(place.path)
        modality = modality_of(media_type)
        if place.governed and (modality in (None, Modality.TEXT) or self._named.before(str(place.path)) is not None):
            return
        if table_suffix(place.path):
            yield from self._rows(place, _parent(place) if _is_metadata(place.path.name) else None)
            return
        label = None if place.governed or modality in (None, Modality.TEXT) else _label(place)
        offer = Offer(place.item_id, None, place.path, media_type, modality)
        if label:
            offer = replace(offer, tags=(label,), attributes={"label": label})
        described = self._reading.defaults.describe(offer, place.source)
        yield Found(printable(str(place.path)), described, _size(place.path))

    def _rows(self, table: Place, folder: Place | None = None) -> Iterator[Found]:
        """Rows of a table; with `folder`, of metadata about the files in it."""
        stem = str(PurePosixPath(table.item_id).with_name(printable(table_stem(table.path))))
        for row in read_table(table.path):
            weight = row.weight
            what: Offer | BadRecord
            try:
                what = self._offer(row, f"{stem}/{row.number}", table, folder)
                if isinstance(what.content, Path):
                    weight += _size(what.content)
            except BadRecord as refusal:
                what = refusal
            yield Found(f"{printable(str(table.path))}:{row.place}", what, weight)

    def _offer(self, row: Row, default_id: str, table: Place, folder: Place | None) -> Offer:
        if isinstance(row.values, BadRecord):
            raise row.values
        columns = self._reading.columns
        named = file_of_row(row.values, columns) if folder or columns.file else None
        if named is None:
            if folder and not columns.file:
                raise BadRecord("missing_file_name", "the row names no file in a column file_name")
            offer = require_content(offer_of_row(row.values, columns, default_id), row.values, columns)
        else:
            offer = self._with_file(row.values, named, folder or _parent(table))
        return self._reading.defaults.describe(offer, table.source)

    def _with_file(self, values: Mapping[str, object], named: tuple[str, str], folder: Place) -> Offer:
        column, name = named
        path = _inside(folder.path, name)
        described = {key: value for key, value in values.items() if key != column}
        offer = offer_of_row(described, self._reading.columns, folder.below(str(PurePosixPath(name))).item_id)
        media_type = media_type_of(path)
        self._named.note(str(path))
        return replace(offer, content=path, media_type=media_type, modality=modality_of(media_type))


def _top(path: Path) -> Place:
    whole = Path(os.path.normpath(path.absolute()))
    if not whole.is_dir() and not whole.is_file():
        raise Misconfigured(f"there is no file or folder {path}")
    if whole.is_dir():
        name = printable(whole.name)
    elif table_suffix(whole):
        name = printable(table_stem(whole))
    else:
        name = printable(whole.parent.name)
    return Place(whole, printable(whole.name), name)


def _parent(table: Place) -> Place:
    """The folder of a table; at the top its files have no folder in their ids."""
    parent = str(PurePosixPath(table.item_id).parent)
    return Place(table.path.parent, printable(table.path.parent.name) if parent == "." else parent, table.source)


def _inside(folder: Path, name: str) -> Path:
    """The file that a row names. Metadata come from others: they may not reach out of their folder."""
    relative = PurePosixPath(name)
    if relative.is_absolute() or ".." in relative.parts:
        raise BadRecord("outside_folder", f"{name[:100]!r} leads out of the folder")
    path = folder / relative
    if not os.path.isfile(path):  # noqa: PTH113 - unlike Path.is_file, answers for impossible names too
        raise BadRecord("missing_file", f"there is no file {name[:200]!r} beside the table")
    return path


def _is_metadata(name: str) -> bool:
    return table_suffix(PurePosixPath(name)) is not None and table_stem(PurePosixPath(name)) == METADATA


def _walkable(path: Path) -> bool:
    """Files, also linked ones; folders unless linked, as links may lead in circles; no pipes and sockets."""
    return path.is_file() or (path.is_dir() and not path.is_symlink())


def _label(place: Place) -> str | None:
    """The sub-folder of a medium; a file right in the given folder has none."""
    parts: Sequence[str] = PurePosixPath(place.item_id).parts
    return parts[-2] if len(parts) > 2 and parts[-2].lower() not in NOT_LABELS else None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

"""Rows of JSON Lines, CSV and Parquet files, one at a time, whatever the size of the file.

A row that cannot be read is told apart from its neighbours and does not end the file.
"""

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from pydantic_core import from_json

from streams.errors import BadRecord
from streams.publishing.sources.kinds import is_packed, table_suffix

MAX_ROW_BYTES = 32 * 2**20
"""A longer line is not read."""
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Row:
    """One row, or why it is none."""

    number: int
    """From 1. For JSON Lines the line, so that mending one line renumbers no other; else counted behind the header."""
    values: Mapping[str, object] | BadRecord
    place: int
    """Line or row for people."""
    weight: int = 0
    """Bytes of the file that were read for it."""


def read_table(path: Path) -> Iterator[Row]:
    """All rows of a file, by its extension. A file that breaks off ends with a row that says so."""
    last = 0
    try:
        for row in _rows(path):
            last = row.place
            yield row
    except (OSError, EOFError, zlib.error, ValueError) as error:
        yield Row(last + 1, BadRecord("unreadable_file", f"{path}: {str(error)[:200]}"), last + 1)


def json_rows(file: IO[bytes]) -> Iterator[Row]:
    """One JSON object a line; empty lines are nothing. NaN and Infinity are not JSON."""
    for number, line in enumerate(lines_of(file), start=1):
        if line is None:
            yield Row(number, BadRecord("row_too_large", f"more than {MAX_ROW_BYTES} bytes in a line"), number)
        elif line.strip():
            yield Row(number, object_of(line), number, len(line))


def csv_rows(file: IO[bytes], delimiter: str = ",") -> Iterator[Row]:
    """One row for each record behind the header; an empty cell is an absent value."""
    csv.field_size_limit(MAX_ROW_BYTES)
    reader = csv.reader(_decoded(file), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield Row(number, BadRecord("invalid_csv", str(error)), reader.line_num)
            continue
        if header is None:
            header = cells
        elif cells:
            number += 1
            yield Row(number, _cells(header, cells), reader.line_num, sum(map(len, cells)) + len(cells))


def lines_of(file: IO[bytes]) -> Iterator[bytes | None]:
    """Lines with their ends, without a byte order mark; None in place of one that is too long."""
    first = True
    while line := file.readline(MAX_ROW_BYTES + 1):
        whole = len(line) <= MAX_ROW_BYTES
        while len(line) > MAX_ROW_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_ROW_BYTES + 1)
        yield (line.removeprefix(_BOM) if first else line) if whole else None
        first = False


def _rows(path: Path) -> Iterator[Row]:
    suffix = table_suffix(path)
    if suffix == ".parquet":
        from streams.publishing.sources.parquet import parquet_cells

        for number, (values, weight) in enumerate(parquet_cells(path), start=1):
            yield Row(number, values, number, weight)
        return
    with ExitStack() as stack:
        raw = stack.enter_context(path.open("rb"))
        file = cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=raw))) if is_packed(path) else raw
        rows = json_rows(file) if suffix in (".jsonl", ".ndjson") else csv_rows(file, "\t" if suffix == ".tsv" else ",")
        before = 0
        for row in rows:
            now = raw.tell()
            yield Row(row.number, row.values, row.place, now - before)
            before = now


def object_of(line: bytes) -> Mapping[str, object] | BadRecord:
    """The JSON object in a line, or why it is none."""
    try:
        values = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return BadRecord("invalid_json", str(error)[:200])
    return values if isinstance(values, dict) else BadRecord("invalid_json", "not a JSON object")


def _decoded(file: IO[bytes]) -> Iterator[str]:
    """Bytes that are not UTF-8 come as half surrogates, which `_cells` finds in the row that has them."""
    for line in lines_of(file):
        if line is None:
            raise ValueError(f"more than {MAX_ROW_BYTES} bytes in a line; the rest of the file is left out")
        yield line.decode("utf-8", "surrogateescape")


def _cells(header: list[str], cells: list[str]) -> Mapping[str, object] | BadRecord:
    if len(cells) > len(header):
        return BadRecord("invalid_csv", f"{len(cells)} cells, the header has {len(header)}")
    try:
        "".join(cells).encode()
    except UnicodeEncodeError:
        return BadRecord("invalid_utf8", "the row is not UTF-8")
    return {name: cell if cell else None for name, cell in zip(header, cells, strict=False)}

"""Rows of a Parquet file, a few at a time. Imported only where there is such a file."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from streams.errors import BadRecord

ROWS = 64
"""Rows that are in memory at once; they may hold pictures."""

Cells = Mapping[str, object] | BadRecord


def parquet_cells(path: Path) -> Iterator[tuple[Cells, int]]:
    """Every row, and its share of the file's bytes. Raises ValueError or OSError where the file itself is broken."""
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as table:
            weight = path.stat().st_size // max(table.metadata.num_rows, 1)
            for batch in table.iter_batches(batch_size=ROWS):
                for cells in _rows(_readable(batch)):
                    yield cells, weight
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _readable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Nanoseconds have no form in Python; such columns become text, durations numbers."""
    for index, field in enumerate(batch.schema):
        kind = field.type
        if (pa.types.is_timestamp(kind) or pa.types.is_time64(kind)) and kind.unit == "ns":
            batch = batch.set_column(index, field.name, batch.column(index).cast(pa.string()))
        elif pa.types.is_duration(kind):
            batch = batch.set_column(index, field.name, batch.column(index).cast(pa.int64()))
    return batch


def _rows(batch: pa.RecordBatch) -> Iterator[Cells]:
    """All rows at once; one by one where a row in the batch is broken."""
    try:
        whole = batch.to_pylist()
    except (ValueError, OverflowError):
        whole = [_single(batch.slice(index, 1)) for index in range(batch.num_rows)]
    yield from whole


def _single(batch: pa.RecordBatch) -> Cells:
    try:
        cells: Mapping[str, object] = batch.to_pylist()[0]
    except UnicodeDecodeError:
        return BadRecord("invalid_utf8", "the row is not UTF-8")
    except (ValueError, OverflowError) as error:
        return BadRecord("invalid_value", str(error)[:200])
    return cells

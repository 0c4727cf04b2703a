"""A snapshot as one Parquet file: a row an item, media by reference."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trainers.snapshots.exports.whole import whole_file, writing
from trainers.snapshots.manifest import Manifest, fields_of
from trainers.snapshots.rows import Key

ROWS_AT_ONCE = 10_000
"""A row group: what is held in memory."""

_LABEL = pa.struct(
    [
        ("task", pa.string()),
        ("labels", pa.list_(pa.string())),
        ("trust", pa.float64()),
        ("arm", pa.string()),
        ("revision", pa.int64()),
    ]
)
_MEDIA = pa.struct([("uri", pa.string()), ("sha256", pa.string()), ("length", pa.int64()), ("media_type", pa.string())])
SCHEMA = pa.schema(
    [
        ("tenant", pa.string()),
        ("item_id", pa.string()),
        ("version", pa.int64()),
        ("modality", pa.string()),
        ("content_sha256", pa.string()),
        ("media", _MEDIA),
        ("text", pa.string()),
        ("labels", pa.list_(_LABEL)),
        ("licence", pa.string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("group", pa.int64()),
    ]
)


def write_parquet(manifest: Manifest, folder: Path, gone: Collection[Key] = ()) -> Path:
    """Writes all rows but those of items that are `gone`; the file. It is named after the snapshot."""
    path = folder / f"snapshot-{manifest.sha256[:16]}.parquet"
    rows = [row for row in manifest.rows if row.key not in gone]
    schema = SCHEMA.with_metadata(_about(manifest))
    with writing(folder), whole_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = [fields_of(row) for row in rows[start : start + ROWS_AT_ONCE]]
            writer.write_table(pa.Table.from_pylist(some, schema=schema))
    return path


def _about(manifest: Manifest) -> dict[str, str]:
    said: dict[str, Any] = {
        "sha256": manifest.sha256,
        "project_id": manifest.project_id,
        "live_version": manifest.live_version,
        "tasks": json.dumps([task.name for task in manifest.tasks]),
    }
    return {f"millrace.{name}": value for name, value in said.items()}

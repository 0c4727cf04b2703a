import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from schemas.items import MediaRef
from streams.errors import MillraceError
from tests.unit.trainers.snapshots.frozen import digest, label, manifest, row
from trainers.snapshots.exports.parquet import write_parquet
from trainers.snapshots.manifest import fields_of
from trainers.snapshots.rows import Key, Split

MEDIA = MediaRef(uri="media/ab", sha256=digest("a"), length=3, media_type="image/png")
SNAPSHOT = manifest(
    row("a", media=MEDIA, labels=(label("arts"), label("x", task="z"))), row("b", split=Split.EVALUATION), row("c")
)


def test_every_field_of_every_row_is_there(tmp_path: Path) -> None:
    found = pq.read_table(write_parquet(SNAPSHOT, tmp_path)).to_pylist()
    assert found == [fields_of(one) for one in SNAPSHOT.rows]


def test_the_file_says_which_snapshot_it_is(tmp_path: Path) -> None:
    path = write_parquet(SNAPSHOT, tmp_path)
    said = pq.read_schema(path).metadata
    assert path.name == f"snapshot-{SNAPSHOT.sha256[:16]}.parquet"
    assert (said[b"millrace.sha256"].decode(), json.loads(said[b"millrace.tasks"])) == (SNAPSHOT.sha256, ["topic"])


def test_the_same_snapshot_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_parquet(SNAPSHOT, tmp_path / name).read_bytes() for name in "ab")
    assert first == second


def test_what_was_withdrawn_since_is_left_out(tmp_path: Path) -> None:
    found = pq.read_table(write_parquet(SNAPSHOT, tmp_path, {Key("default", "b")})).to_pylist()
    assert [one["item_id"] for one in found] == ["a", "c"]


def test_an_empty_snapshot_is_a_file_without_rows(tmp_path: Path) -> None:
    assert pq.read_table(write_parquet(manifest(), tmp_path)).num_rows == 0


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MillraceError, match="file cannot be written"):
        write_parquet(SNAPSHOT, tmp_path / "file")

import gzip
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from streams.errors import BadRecord
from streams.publishing.sources import rows
from streams.publishing.sources.rows import Row, csv_rows, json_rows, read_table


def values_or_reasons(found: list[Row]) -> list[object]:
    return [row.values.reason if isinstance(row.values, BadRecord) else dict(row.values) for row in found]


def table(tmp_path: Path, name: str, content: bytes) -> list[Row]:
    (tmp_path / name).write_bytes(content)
    return list(read_table(tmp_path / name))


def test_json_lines_are_rows_numbered_by_line(tmp_path: Path) -> None:
    found = table(tmp_path, "a.jsonl", b'{"a": 1}\n\n{"a": 2}')
    assert [(row.number, row.values) for row in found] == [(1, {"a": 1}), (3, {"a": 2})]


def test_a_byte_order_mark_belongs_to_no_row(tmp_path: Path) -> None:
    assert values_or_reasons(table(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"a": 1}\n')) == [{"a": 1}]


@pytest.mark.parametrize(
    "line", [b'{"a": NaN}', b'{"a": Infinity}', b"{", b"[1]", b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"[" * 5000]
)
def test_a_line_that_is_no_json_object_is_told_and_its_neighbours_are_read(tmp_path: Path, line: bytes) -> None:
    found = table(tmp_path, "a.jsonl", b'{"a": 1}\n' + line + b'\n{"a": 2}\n')
    assert values_or_reasons(found) == [{"a": 1}, "invalid_json", {"a": 2}]


def test_a_line_that_is_too_long_is_skipped_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "MAX_ROW_BYTES", 20)
    found = list(json_rows(io.BytesIO(b'{"a": 1}\n{"a": "' + b"x" * 100 + b'"}\n{"a": 2}\n')))
    assert values_or_reasons(found) == [{"a": 1}, "row_too_large", {"a": 2}]


def test_a_packed_table_is_read_as_a_stream(tmp_path: Path) -> None:
    assert values_or_reasons(table(tmp_path, "a.jsonl.gz", gzip.compress(b'{"a": 1}\n'))) == [{"a": 1}]


def test_a_packed_table_that_breaks_off_says_so_after_its_rows(tmp_path: Path) -> None:
    content = gzip.compress(b"".join(b'{"a": %d}\n' % number for number in range(50_000)))
    found = table(tmp_path, "a.jsonl.gz", content[:-2000])
    assert found[0].values == {"a": 0}
    assert values_or_reasons(found)[-1] == "unreadable_file"


def test_csv_rows_take_their_names_from_the_header(tmp_path: Path) -> None:
    assert values_or_reasons(table(tmp_path, "a.csv", b'id,text\r\n1,"two\nlines"\r\n2,\r\n')) == [
        {"id": "1", "text": "two\nlines"},
        {"id": "2", "text": None},
    ]


def test_tabs_part_the_cells_of_a_tsv(tmp_path: Path) -> None:
    assert values_or_reasons(table(tmp_path, "a.tsv", b"id\ttext\n1\ta,b\n")) == [{"id": "1", "text": "a,b"}]


def test_a_csv_row_tells_its_line_and_counts_from_behind_the_header(tmp_path: Path) -> None:
    found = table(tmp_path, "a.csv", b'id,text\n1,"two\nlines"\n2,x\n')
    assert [(row.number, row.place) for row in found] == [(1, 3), (2, 4)]


def test_a_csv_row_that_is_not_utf8_spoils_no_other(tmp_path: Path) -> None:
    found = table(tmp_path, "a.csv", b"text\nok\ncaf\xe9\nfine\n")
    assert values_or_reasons(found) == [{"text": "ok"}, "invalid_utf8", {"text": "fine"}]


def test_a_csv_row_with_more_cells_than_the_header_is_refused(tmp_path: Path) -> None:
    assert values_or_reasons(table(tmp_path, "a.csv", b"a,b\n1,2,3\n4,5\n")) == ["invalid_csv", {"a": "4", "b": "5"}]


def test_a_quote_that_is_never_closed_is_told(tmp_path: Path) -> None:
    assert values_or_reasons(table(tmp_path, "a.csv", b'a\nfine\n"open\n')) == [{"a": "fine"}, "invalid_csv"]


def test_a_cell_may_be_longer_than_the_readers_default() -> None:
    [row] = csv_rows(io.BytesIO(b"text\n" + b"x" * 300_000 + b"\n"))
    assert row.values == {"text": "x" * 300_000}


def test_a_csv_line_that_is_too_long_ends_the_file_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MAX_ROW_BYTES", 20)
    found = table(tmp_path, "a.csv", b"a\nfine\n" + b"x" * 100 + b"\n")
    assert values_or_reasons(found) == [{"a": "fine"}, "unreadable_file"]


def test_parquet_rows_keep_their_types(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1, 2], "text": ["a", None], "tags": [["x"], []]}), tmp_path / "a.parquet")
    assert values_or_reasons(list(read_table(tmp_path / "a.parquet"))) == [
        {"id": 1, "text": "a", "tags": ["x"]},
        {"id": 2, "text": None, "tags": []},
    ]


def test_parquet_files_longer_than_a_batch_are_read_to_the_end(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": list(range(1000))}), tmp_path / "a.parquet")
    assert [row.values for row in read_table(tmp_path / "a.parquet")][-1] == {"id": 999}


def test_nanoseconds_become_text(tmp_path: Path) -> None:
    times = pa.array([1], pa.timestamp("ns"))
    pq.write_table(pa.table({"at": times, "took": pa.array([5], pa.duration("ns"))}), tmp_path / "a.parquet")
    assert values_or_reasons(list(read_table(tmp_path / "a.parquet"))) == [
        {"at": "1970-01-01 00:00:00.000000001", "took": 5}
    ]


def test_a_parquet_row_that_is_not_utf8_spoils_no_other(tmp_path: Path) -> None:
    raw = pa.array([b"ok", b"\xff\xfe", b"fine"], pa.binary())
    column = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    pq.write_table(pa.table({"text": column}), tmp_path / "a.parquet")
    found = list(read_table(tmp_path / "a.parquet"))
    assert values_or_reasons(found) == [{"text": "ok"}, "invalid_utf8", {"text": "fine"}]


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl.gz", "a.csv.gz"])
def test_a_file_of_another_kind_than_its_name_says_is_unreadable(tmp_path: Path, name: str) -> None:
    assert values_or_reasons(table(tmp_path, name, b"not at all what it says" * 10)) == ["unreadable_file"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_an_empty_table_has_no_rows(tmp_path: Path, name: str) -> None:
    assert table(tmp_path, name, b"") == []


def test_the_weights_of_all_rows_are_the_file(tmp_path: Path) -> None:
    content = b'{"a": 1}\n' * 1000
    assert sum(row.weight for row in table(tmp_path, "a.jsonl", content)) == len(content)

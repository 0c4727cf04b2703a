import os
from pathlib import Path

import pytest

from schemas.items import Modality
from streams.errors import BadRecord, Misconfigured
from streams.publishing.offer import Found, Offer
from streams.publishing.sources.columns import Columns, Defaults
from streams.publishing.sources.folders import Reading, found_in, printable, total_weight


def write(folder: Path, **files: str | bytes) -> Path:
    """Files by path, with `__` for `/` and `_dot_` for `.`."""
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def found(*paths: Path, reading: Reading | None = None) -> list[Found]:
    return list(found_in(paths, reading or Reading()))


def offers(*paths: Path, reading: Reading | None = None) -> dict[str, Offer]:
    return {one.what.item_id: one.what for one in found(*paths, reading=reading) if isinstance(one.what, Offer)}


def reasons(*paths: Path, reading: Reading | None = None) -> list[tuple[str, str]]:
    results = found(*paths, reading=reading)
    return [(Path(one.place).name, one.what.reason) for one in results if isinstance(one.what, BadRecord)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


def test_ids_are_paths_from_the_given_folder_on(photos: Path) -> None:
    write(photos, b_dot_txt="b", sub__a_dot_txt="a")
    assert list(offers(photos)) == ["photos/b.txt", "photos/sub/a.txt"]


def test_ids_do_not_depend_on_where_the_command_is_called(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(photos, a_dot_txt="a")
    monkeypatch.chdir(photos)
    assert list(offers(Path())) == ["photos/a.txt"]


def test_a_single_file_is_named_by_itself(photos: Path) -> None:
    write(photos, a_dot_txt="a")
    assert list(offers(photos / "a.txt")) == ["a.txt"]


def test_hidden_files_and_folders_are_skipped(photos: Path) -> None:
    write(photos, _dot_hidden_dot_txt="x", _dot_git__a_dot_txt="x", a_dot_txt="a")
    assert list(offers(photos)) == ["photos/a.txt"]


def test_the_extension_declares_type_and_modality(photos: Path) -> None:
    write(photos, a_dot_JPG=b"", b_dot_wav=b"", c_dot_mp4=b"", d_dot_html=b"", e_dot_bin=b"")
    declared = {name: (offer.media_type, offer.modality) for name, offer in offers(photos).items()}
    assert declared == {
        "photos/a.JPG": ("image/jpeg", Modality.IMAGE),
        "photos/b.wav": ("audio/wav", Modality.AUDIO),
        "photos/c.mp4": ("video/mp4", Modality.VIDEO),
        "photos/d.html": ("text/html", Modality.TEXT),
        "photos/e.bin": ("application/octet-stream", None),
    }


def test_the_sub_folder_of_a_picture_is_its_label(photos: Path) -> None:
    write(photos, train__cats__a_dot_png=b"")
    offer = offers(photos)["photos/train/cats/a.png"]
    assert (offer.tags, offer.attributes) == (("cats",), {"label": "cats"})


@pytest.mark.parametrize("name", ["a_dot_png", "train__a_dot_png", "docs__a_dot_txt"])
def test_tops_splits_and_text_folders_are_no_labels(photos: Path, name: str) -> None:
    [offer] = offers(write(photos, **{name: b""})).values()
    assert offer.tags == ()


def test_the_name_of_the_folder_is_the_source(photos: Path) -> None:
    write(photos, sub__a_dot_txt="a")
    assert offers(photos)["photos/sub/a.txt"].source == "photos"


def test_metadata_describe_the_files_beside_them(photos: Path) -> None:
    write(
        photos, a_dot_png=b"1", metadata_dot_jsonl='{"file_name": "a.png", "text": "a cat", "licence": "CC0", "x": 1}'
    )
    offer = offers(photos)["photos/a.png"]
    assert (offer.text, offer.content, offer.licence) == ("a cat", photos / "a.png", "CC0")
    assert (offer.modality, offer.attributes) == (Modality.IMAGE, {"x": "1"})


def test_metadata_may_be_a_csv_and_name_files_in_sub_folders(photos: Path) -> None:
    write(photos, one__a_dot_wav=b"1", metadata_dot_csv="file_name,caption\none/a.wav,a bark\n")
    offer = offers(photos)["photos/one/a.wav"]
    assert (offer.text, offer.modality, offer.tags) == ("a bark", Modality.AUDIO, ())


def test_a_described_file_is_found_once(photos: Path) -> None:
    write(photos, one__a_dot_png=b"1", metadata_dot_jsonl='{"file_name": "one/a.png"}')
    assert len(found(photos)) == 1


def test_media_that_metadata_leave_out_are_items_and_papers_are_not(photos: Path) -> None:
    write(photos, a_dot_png=b"", b_dot_png=b"", README_dot_md="x", metadata_dot_jsonl='{"file_name": "a.png"}')
    assert list(offers(photos)) == ["photos/a.png", "photos/b.png"]


def test_an_id_column_of_metadata_names_the_item(photos: Path) -> None:
    write(photos, a_dot_png=b"", metadata_dot_jsonl='{"file_name": "a.png", "id": "cat-1"}')
    assert list(offers(photos)) == ["cat-1"]


def test_metadata_may_be_given_alone(photos: Path) -> None:
    write(photos, a_dot_png=b"", b_dot_png=b"", metadata_dot_jsonl='{"file_name": "a.png"}')
    assert list(offers(photos / "metadata.jsonl")) == ["photos/a.png"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ('{"file_name": "none.png"}', "missing_file"),
        ('{"file_name": "../secret.png"}', "outside_folder"),
        ('{"file_name": "/etc/hostname"}', "outside_folder"),
        ('{"file_name": "a\\u0000.png"}', "missing_file"),
        ('{"text": "no file"}', "missing_file_name"),
        ("{", "invalid_json"),
    ],
)
def test_a_bad_row_of_metadata_is_told_with_its_line(photos: Path, row: str, reason: str) -> None:
    write(photos.parent, secret_dot_png=b"")
    write(photos, a_dot_png=b"", metadata_dot_jsonl=f'{{"file_name": "a.png"}}\n{row}\n')
    assert reasons(photos) == [("metadata.jsonl:2", reason)]
    assert list(offers(photos)) == ["photos/a.png"]


def test_rows_of_a_table_are_named_by_table_and_number(photos: Path) -> None:
    write(photos, sub__t_dot_jsonl='{"text": "a"}\n{"text": "b"}\n')
    assert list(offers(photos)) == ["photos/sub/t/1", "photos/sub/t/2"]


def test_a_table_given_alone_is_its_own_source(photos: Path) -> None:
    write(photos, t_dot_csv="text\na\n")
    assert [(name, offer.source) for name, offer in offers(photos / "t.csv").items()] == [("t/1", "t")]


def test_a_row_without_text_is_told(photos: Path) -> None:
    write(photos, t_dot_csv="title\na\n")
    assert reasons(photos) == [("t.csv:2", "missing_text")]


def test_a_named_file_column_finds_files_beside_any_table(photos: Path) -> None:
    write(photos, a_dot_wav=b"", items_dot_jsonl='{"audio": "a.wav", "id": "x"}')
    [offer] = offers(photos / "items.jsonl", reading=Reading(Columns(file="audio"))).values()
    assert (offer.item_id, offer.content, offer.modality) == ("x", photos / "a.wav", Modality.AUDIO)


def test_what_the_caller_says_holds_for_all(photos: Path) -> None:
    write(photos, a_dot_txt="a")
    reading = Reading(defaults=Defaults("site", "en", ("new",), "CC0"))
    offer = offers(photos, reading=reading)["photos/a.txt"]
    assert (offer.source, offer.language, offer.tags, offer.licence) == ("site", "en", ("new",), "CC0")


def test_a_missing_path_is_refused_before_anything_is_found(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no file or folder"):
        found_in([tmp_path / "none"], Reading())


def test_linked_files_are_read_and_linked_folders_are_not(photos: Path, tmp_path: Path) -> None:
    write(tmp_path, elsewhere__a_dot_txt="a")
    (photos / "file.txt").symlink_to(tmp_path / "elsewhere" / "a.txt")
    (photos / "circle").symlink_to(photos)
    assert list(offers(photos)) == ["photos/file.txt"]


def test_pipes_are_not_waited_for(photos: Path) -> None:
    os.mkfifo(photos / "pipe.txt")
    assert found(photos) == []


def test_a_file_name_that_is_not_utf8_is_written_with_escapes(photos: Path) -> None:
    (photos / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    [one] = found(photos)
    assert isinstance(one.what, Offer)
    assert one.what.item_id == "photos/caf\\xe9.txt"
    assert one.place.endswith("caf\\xe9.txt")


def test_an_ordinary_name_stays_as_it_is() -> None:
    assert printable("grün.txt") == "grün.txt"


def test_the_weights_of_everything_found_are_the_total(photos: Path) -> None:
    write(photos, a_dot_txt="abc", sub__b_dot_png=b"12345", t_dot_jsonl='{"text": "x"}\n')
    assert sum(one.weight for one in found(photos)) == total_weight([photos]) == 22

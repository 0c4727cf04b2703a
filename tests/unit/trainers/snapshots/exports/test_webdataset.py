import json
import tarfile
from pathlib import Path

import pytest

from schemas.items import Modality
from streams.errors import BadRecord, Misconfigured, Unavailable
from streams.media.store import MediaStore
from tests.unit.trainers.snapshots.frozen import label, manifest, row
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.exports.webdataset import write_webdataset
from trainers.snapshots.manifest import Manifest, fields_of
from trainers.snapshots.rows import Key, Row, Split

SMALL = SnapshotConfig(shard_items=2)


class Failing(MediaStore):
    """Goes away after some reads."""

    left = 3

    def get(self, ref, max_bytes=None):  # type: ignore[no-untyped-def]
        if self.left == 0:
            raise Unavailable("gone for now")
        self.left -= 1
        return super().get(ref, max_bytes)


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path / "media")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out"


def pictured(item_id: str, media: MediaStore, **fields: object) -> Row:
    return row(item_id, media=media.put(item_id.encode() * 3, "image/png"), **fields)


def snapshot(media: MediaStore) -> Manifest:
    return manifest(
        *(pictured(item, media, labels=(label("arts"),)) for item in ("a.b/c", "b", "d", "e", "f")),
        pictured("measured", media, split=Split.EVALUATION),
        pictured("near", media, split=Split.EXCLUDED),
        row("said", modality=Modality.TEXT, text="words – 狗"),
    )


def members(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


def test_each_sample_is_a_description_with_its_medium_or_text(media: MediaStore, folder: Path) -> None:
    frozen = snapshot(media)
    write_webdataset(frozen, folder, media, SnapshotConfig())
    found = members(folder / "train-000000.tar")
    assert [*found][:2] == ["00000000.json", "00000000.png"]
    assert json.loads(found["00000000.json"]) == fields_of(frozen.rows[0])
    assert (found["00000000.png"], found["00000007.txt"].decode()) == (b"a.b/c" * 3, "words – 狗")


def test_sides_are_files_of_their_own_and_what_is_excluded_is_not_exported(media: MediaStore, folder: Path) -> None:
    exported = write_webdataset(snapshot(media), folder, media, SMALL)
    assert sorted(path.name for path in folder.glob("*.tar")) == [
        "evaluation-000000.tar",
        "train-000000.tar",
        "train-000001.tar",
        "train-000002.tar",
    ]
    names = [
        json.loads(each)["item_id"]
        for path in folder.glob("*.tar")
        for name, each in members(path).items()
        if name.endswith("json")
    ]
    assert sorted(names) == ["a.b/c", "b", "d", "e", "f", "measured", "said"]
    assert (exported.shards, exported.items, exported.already_there) == (4, 7, 0)


def test_shards_stay_below_their_bytes(media: MediaStore, folder: Path) -> None:
    config = SnapshotConfig(shard_bytes=10_000)
    frozen = manifest(*(row(item, media=media.put(item.encode() * 3_000, "image/png")) for item in "abcd"))
    write_webdataset(frozen, folder, media, config)
    assert [len(members(path)) // 2 for path in sorted(folder.glob("*.tar"))] == [1, 1, 1, 1]


def test_the_same_snapshot_gives_the_same_bytes(media: MediaStore, tmp_path: Path) -> None:
    for name in "xy":
        write_webdataset(snapshot(media), tmp_path / name, media, SMALL)
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "xy")
    assert first == second


def test_an_interrupted_export_goes_on_where_it_was(media: MediaStore, folder: Path, tmp_path: Path) -> None:
    failing = Failing.open(tmp_path / "media")
    with pytest.raises(Unavailable):
        write_webdataset(snapshot(media), folder, failing, SMALL)
    assert sorted(path.name for path in folder.iterdir()) == ["snapshot.json", "train-000000.tar"]
    assert write_webdataset(snapshot(media), folder, media, SMALL).already_there == 1
    write_webdataset(snapshot(media), tmp_path / "whole", media, SMALL)
    for path in (tmp_path / "whole").iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()


def test_a_folder_with_another_snapshot_is_refused(media: MediaStore, folder: Path) -> None:
    write_webdataset(snapshot(media), folder, media, SMALL)
    with pytest.raises(Misconfigured, match="another snapshot"):
        write_webdataset(manifest(row("a")), folder, media, SMALL)


def test_a_folder_with_other_tar_files_is_refused(media: MediaStore, folder: Path) -> None:
    folder.mkdir()
    (folder / "train-000000.tar").write_bytes(b"")
    with pytest.raises(Misconfigured, match="other tar files"):
        write_webdataset(snapshot(media), folder, media, SMALL)


def test_what_was_withdrawn_since_is_left_out(media: MediaStore, folder: Path) -> None:
    exported = write_webdataset(snapshot(media), folder, media, SnapshotConfig(), {Key("default", "b")})
    assert exported.items == 6
    assert b"bbb" not in members(folder / "train-000000.tar").values()


def test_an_item_whose_bytes_are_gone_is_described_and_named(media: MediaStore, folder: Path) -> None:
    frozen = snapshot(media)
    assert frozen.rows[1].media is not None
    media.delete(frozen.rows[1].media)
    with pytest.raises(BadRecord):
        media.get(frozen.rows[1].media)
    assert write_webdataset(frozen, folder, media, SnapshotConfig()).without_media == (Key("default", "b"),)
    assert [name for name in members(folder / "train-000000.tar") if name.startswith("00000001")] == ["00000001.json"]


def test_how_far_it_is_is_told(media: MediaStore, folder: Path) -> None:
    told: list[tuple[int, int]] = []
    write_webdataset(snapshot(media), folder, media, SMALL, on_shard=lambda done, total: told.append((done, total)))
    assert told == [(2, 7), (4, 7), (6, 7), (7, 7)]

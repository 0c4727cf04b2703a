import os
import shutil
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from streams.errors import BadRecord, Misconfigured, Unavailable
from streams.media.config import MediaConfig
from streams.media.store import MediaStore
from tests.contract.media_store import MediaStoreContract, ref_of


class TestMediaStoreInAFolder(MediaStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> MediaStore:
        self.root = tmp_path / "objects"
        return MediaStore.open(self.root)

    def overwrite(self, uri: str, content: bytes) -> None:
        (self.root / uri).write_bytes(content)


def test_a_file_address_is_a_folder(tmp_path: Path) -> None:
    ref = MediaStore.open(f"file://{tmp_path}/my%20objects").put(b"x", "text/plain")
    assert (tmp_path / "my objects" / ref.uri).read_bytes() == b"x"


def test_two_stores_of_one_folder_share_their_objects(tmp_path: Path) -> None:
    ref = MediaStore.open(tmp_path).put(b"x", "text/plain")
    assert MediaStore.open(tmp_path).get(ref) == b"x"


def test_no_part_of_a_write_lies_beside_the_object(tmp_path: Path) -> None:
    MediaStore.open(tmp_path).put(b"x", "text/plain")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


def test_a_folder_that_vanished_is_unavailable_and_condemns_no_record(tmp_path: Path) -> None:
    store = MediaStore.open(tmp_path / "objects")
    ref = store.put(b"x", "text/plain")
    shutil.rmtree(tmp_path / "objects")
    with pytest.raises(Unavailable, match="objects"):
        store.get(ref)


def test_a_disk_that_is_no_longer_mounted_is_unavailable(tmp_path: Path) -> None:
    store = MediaStore.open(tmp_path)
    ref = store.put(b"x", "text/plain")
    shutil.rmtree(tmp_path / "media")
    with pytest.raises(Unavailable, match="mounted"):
        store.get(ref)


def test_nothing_is_written_where_the_disk_was(tmp_path: Path) -> None:
    store = MediaStore.open(tmp_path)
    (tmp_path / "media").rmdir()
    with pytest.raises(Unavailable, match="mounted"):
        store.put(b"x", "text/plain")


def test_objects_above_the_stores_limit_are_not_written(tmp_path: Path) -> None:
    store = MediaStore.open(MediaConfig(url=str(tmp_path), max_object_bytes=3))
    with pytest.raises(BadRecord) as refusal:
        store.put(b"four", "text/plain")
    assert refusal.value.reason == "media_too_large"
    assert list((tmp_path / "media").iterdir()) == []


def test_objects_above_the_stores_limit_are_not_read(tmp_path: Path) -> None:
    ref = MediaStore.open(tmp_path).put(b"four", "text/plain")
    with pytest.raises(BadRecord, match="3 are allowed"):
        MediaStore.open(MediaConfig(url=str(tmp_path), max_object_bytes=3)).get(ref, max_bytes=100)


@pytest.mark.parametrize("url", ["", "ftp://host/x", "s3://", "http://host/x"])
def test_a_place_that_is_no_store_is_misconfigured(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"media\.url"):
        MediaStore.open(MediaConfig(url=url))


def test_a_file_in_place_of_the_folder_is_misconfigured(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match=r"media\.url"):
        MediaStore.open(tmp_path / "file" / "objects")


def test_an_unknown_option_of_the_store_is_misconfigured() -> None:
    with pytest.raises(Misconfigured, match="acces_key"):
        MediaStore.open(MediaConfig(url="s3://bucket", options={"acces_key": SecretStr("x")}))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_misconfigured(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Misconfigured):
        MediaStore.open(tmp_path / "objects")


def test_secrets_are_not_printed() -> None:
    config = MediaConfig(secret_access_key=SecretStr("hush"), options={"account_key": SecretStr("hush")})
    assert "hush" not in repr(config) + config.model_dump_json()


def test_without_an_address_media_lie_in_the_data_folder() -> None:
    assert MediaConfig().resolved(Path("data")).url == "data/objects"


def test_an_address_is_kept_whatever_the_data_folder() -> None:
    assert MediaConfig(url="s3://bucket").resolved(Path("data")).url == "s3://bucket"


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ValidationError):
        MediaConfig.model_validate({"adress": "x"})


def test_a_missing_object_does_not_exist_in_an_empty_store(tmp_path: Path) -> None:
    assert not MediaStore.open(tmp_path).exists(ref_of(b"x"))

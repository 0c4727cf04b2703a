import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.registry.artifacts import ArtifactStore
from models.registry.config import RegistryConfig
from streams.errors import Misconfigured, Unavailable
from streams.media.config import MediaConfig
from streams.media.store import uri_of
from tests.contract.artifacts import TOWER, ArtifactsContract, left, weights, written


class TestFolder(ArtifactsContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> ArtifactStore:
        self.root = tmp_path / "artifacts"
        return ArtifactStore.open(self.root)

    def overwrite(self, uri: str, content: bytes) -> None:
        (self.root / uri).write_bytes(content)

    def remove(self, uri: str) -> None:
        (self.root / uri).unlink()


def test_a_place_of_no_known_kind_is_refused_by_the_name_of_its_setting() -> None:
    with pytest.raises(Misconfigured, match=r"registry\.url = ftp://somewhere"):
        ArtifactStore.open("ftp://somewhere")


def test_a_store_whose_disk_is_gone_is_unavailable_and_condemns_no_model(tmp_path: Path) -> None:
    store = ArtifactStore.open(tmp_path / "artifacts")
    artifact = store.put_file(written(tmp_path, weights()))
    shutil.rmtree(tmp_path / "artifacts")
    with pytest.raises(Unavailable, match=r"the artifact store .* is not there"):
        store.fetch([artifact], tmp_path / "cache")
    with pytest.raises(Unavailable, match=r"the artifact store .* is not there"):
        store.put_bytes(b"a manifest")


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    store = ArtifactStore.open(tmp_path / "artifacts")
    artifact = store.put_file(written(tmp_path, weights()))
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(Unavailable, match="cache cannot be used"):
        store.fetch([artifact], tmp_path / "cache")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=TOWER):
        ArtifactStore.open(tmp_path / "artifacts").put_file(tmp_path / TOWER)


def test_what_a_killed_process_left_behind_is_swept_away_in_time(tmp_path: Path) -> None:
    store = ArtifactStore.open(tmp_path / "artifacts")
    artifact = store.put_file(written(tmp_path, weights()))
    for name in (".arriving-long-ago", ".arriving-now"):
        written(tmp_path / "cache" / name, b"half")
    os.utime(tmp_path / "cache" / ".arriving-long-ago", (0, 0))
    store.fetch([artifact], tmp_path / "cache")
    assert left(tmp_path / "cache") == [".arriving-now", TOWER]


ON_A_SMALL_DISK = """
import resource, signal, sys
from pathlib import Path
from models.registry.artifacts import ArtifactStore
from schemas.training import Artifact
from streams.errors import Unavailable

what, root, file = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
store = ArtifactStore.open(root / "artifacts")
artifact = store.put_file(file) if what == "fetch" else None
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))
try:
    store.fetch([artifact], root / "cache") if artifact else store.put_file(file)
except Unavailable as error:
    print(error)
else:
    print("it went well")
"""


@pytest.mark.parametrize("what", ["put", "fetch"])
def test_a_disk_that_is_full_stops_it_loudly_and_nothing_half_is_visible(tmp_path: Path, what: str) -> None:
    file = written(tmp_path / "made", content := weights(count=800_000))
    said = subprocess.run(
        [sys.executable, "-c", ON_A_SMALL_DISK, what, str(tmp_path), str(file)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(__file__).parents[5],
    )
    assert "File too large" in said.stdout, said.stderr
    store = ArtifactStore.open(tmp_path / "artifacts")
    artifact = store.put_file(file)
    assert not (tmp_path / "cache").exists() or left(tmp_path / "cache") == []
    assert store.fetch([artifact], tmp_path / "cache")[TOWER].read_bytes() == content
    assert len(left((tmp_path / "artifacts" / uri_of(artifact.sha256)).parent)) == 1


def test_the_place_has_the_credentials_of_the_media_store(tmp_path: Path) -> None:
    media = MediaConfig(url="s3://media", region="here")
    assert RegistryConfig(url="s3://models").place(tmp_path, media) == MediaConfig(url="s3://models", region="here")
    assert RegistryConfig().place(tmp_path, media).url == str(tmp_path / "artifacts")

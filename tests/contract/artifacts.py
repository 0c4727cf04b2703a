"""What the artifact store must do wherever its files lie. Subclasses open one, and tamper behind its back."""

import json
import struct
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from models.registry.artifacts import ArtifactStore
from schemas.training import Artifact
from streams.errors import BadRecord
from streams.media.store import uri_of

TOWER = "image-tower.safetensors"


def weights(seed: int = 0, count: int = 100) -> bytes:
    """A file of weights as the library writes it."""
    numbers = np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)
    return bytes(save({"a": numbers, "b": numbers[:3].astype(np.float16)}, metadata={"side": "64"}))


def written(folder: Path, content: bytes, name: str = TOWER) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    return folder / name


def with_header(header: object, data: bytes = b"") -> bytes:
    """Bytes in the outer form of safetensors, whatever they say."""
    words = json.dumps(header).encode()
    return struct.pack("<Q", len(words)) + words + data


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class ArtifactsContract:
    """Subclasses provide the fixture `store`, `overwrite` and `remove`."""

    @pytest.fixture
    def store(self) -> ArtifactStore:
        raise NotImplementedError

    def overwrite(self, uri: str, content: bytes) -> None:
        raise NotImplementedError

    def remove(self, uri: str) -> None:
        raise NotImplementedError

    def kept(self, store: ArtifactStore, folder: Path, content: bytes | None = None) -> Artifact:
        return store.put_file(written(folder / "made", weights() if content is None else content))

    def test_a_file_is_known_by_its_name_digest_and_length(self, store: ArtifactStore, tmp_path: Path) -> None:
        content = weights()
        artifact = store.put_file(written(tmp_path, content, "anything.safetensors"), TOWER)
        assert artifact == Artifact(path=TOWER, sha256=sha256(content).hexdigest(), length=len(content))

    def test_what_was_put_is_fetched_byte_for_byte(self, store: ArtifactStore, tmp_path: Path) -> None:
        config = store.put_file(written(tmp_path / "made", b'{"side": 64}', "config.json"))
        files = store.fetch([self.kept(store, tmp_path), config], tmp_path / "cache")
        assert files == {name: tmp_path / "cache" / name for name in (TOWER, "config.json")}
        assert files[TOWER].read_bytes() == weights()
        assert left(tmp_path / "cache") == ["config.json", TOWER]

    def test_a_file_above_the_multipart_threshold_comes_back(self, store: ArtifactStore, tmp_path: Path) -> None:
        content = weights(count=400_000)
        artifact = self.kept(store, tmp_path, content)
        assert store.fetch([artifact], tmp_path / "cache")[TOWER].read_bytes() == content

    def test_what_the_folder_has_is_not_fetched_again(self, store: ArtifactStore, tmp_path: Path) -> None:
        artifact = self.kept(store, tmp_path)
        store.fetch([artifact], tmp_path / "cache")
        self.remove(uri_of(artifact.sha256))
        assert store.fetch([artifact], tmp_path / "cache")[TOWER].read_bytes() == weights()

    def test_a_spoilt_file_in_the_folder_is_fetched_anew(self, store: ArtifactStore, tmp_path: Path) -> None:
        artifact = self.kept(store, tmp_path)
        spoilt = store.fetch([artifact], tmp_path / "cache")[TOWER]
        spoilt.write_bytes(weights(seed=1))
        assert store.fetch([artifact], tmp_path / "cache")[TOWER].read_bytes() == weights()

    @pytest.mark.parametrize(
        ("spoil", "why"),
        [
            (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "SHA-256 differs"),
            (lambda content: bytes([content[0] ^ 1]) + content[1:], "SHA-256 differs"),
            (lambda content: content[:-1], "were registered"),
            (lambda content: content + b"0", "were registered"),
            (lambda _: b"", "were registered"),
        ],
        ids=["last bit", "first bit", "cut short", "too long", "empty"],
    )
    def test_a_corrupt_file_is_refused_by_name_and_none_of_the_model_appears(
        self, store: ArtifactStore, tmp_path: Path, spoil: object, why: str
    ) -> None:
        good = store.put_file(written(tmp_path / "made", b"{}", "config.json"))
        artifact = self.kept(store, tmp_path)
        self.overwrite(uri_of(artifact.sha256), spoil(weights()))  # type: ignore[operator]
        with pytest.raises(BadRecord, match=f"artifact_corrupt: {TOWER} .*{why}"):
            store.fetch([good, artifact], tmp_path / "cache")
        assert left(tmp_path / "cache") == []

    def test_a_missing_file_is_refused_by_name(self, store: ArtifactStore, tmp_path: Path) -> None:
        artifact = self.kept(store, tmp_path)
        self.remove(uri_of(artifact.sha256))
        with pytest.raises(BadRecord, match=f"artifact_missing: {TOWER}"):
            store.fetch([artifact], tmp_path / "cache")
        assert left(tmp_path / "cache") == []

    @pytest.mark.parametrize(
        "name", ["model.pt", "model.bin", "../image-tower.safetensors", ".hidden.json", "a/b.json"]
    )
    def test_a_foreign_name_is_refused_before_anything_is_fetched(
        self, store: ArtifactStore, tmp_path: Path, name: str
    ) -> None:
        artifact = self.kept(store, tmp_path).model_copy(update={"path": name})
        with pytest.raises(BadRecord, match="artifact_foreign"):
            store.fetch([artifact], tmp_path / "cache")
        assert not (tmp_path / "cache").exists()

    def test_a_foreign_file_is_not_stored(self, store: ArtifactStore, tmp_path: Path) -> None:
        with pytest.raises(BadRecord, match=f"artifact_foreign: {TOWER}"):
            store.put_file(written(tmp_path, b"\x80\x04\x95 a pickle"))

    def test_registered_bytes_that_are_no_weights_are_refused_on_the_way_out(
        self, store: ArtifactStore, tmp_path: Path
    ) -> None:
        content = b"\x80\x04\x95 a pickle, put by somebody else"
        artifact = Artifact(path=TOWER, sha256=store.put_bytes(content), length=len(content))
        with pytest.raises(BadRecord, match=f"artifact_foreign: {TOWER}"):
            store.fetch([artifact], tmp_path / "cache")
        assert left(tmp_path / "cache") == []

    def test_two_files_of_one_name_are_refused(self, store: ArtifactStore, tmp_path: Path) -> None:
        artifact = self.kept(store, tmp_path)
        with pytest.raises(BadRecord, match="same name"):
            store.fetch([artifact, artifact], tmp_path / "cache")

    def test_putting_mends_what_was_spoilt(self, store: ArtifactStore, tmp_path: Path) -> None:
        artifact = self.kept(store, tmp_path)
        self.overwrite(uri_of(artifact.sha256), bytes(len(weights())))
        assert self.kept(store, tmp_path) == artifact
        assert store.fetch([artifact], tmp_path / "cache")[TOWER].read_bytes() == weights()

    @pytest.mark.parametrize("content", [b"", b"a manifest", bytes(range(256)) * 100])
    def test_bytes_come_back_by_their_digest(self, store: ArtifactStore, content: bytes) -> None:
        digest = store.put_bytes(content)
        assert digest == sha256(content).hexdigest()
        assert store.get_bytes(digest) == content

    def test_spoilt_bytes_are_refused(self, store: ArtifactStore) -> None:
        digest = store.put_bytes(b"a manifest")
        self.overwrite(uri_of(digest), b"b manifest")
        with pytest.raises(BadRecord, match=f"artifact_corrupt: {digest}"):
            store.get_bytes(digest)

    def test_bytes_nobody_put_are_missing(self, store: ArtifactStore) -> None:
        with pytest.raises(BadRecord, match="artifact_missing"):
            store.get_bytes("ab" * 32)


UNSOUND: Sequence[tuple[str, bytes]] = (
    ("nothing", b""),
    ("seven bytes", bytes(7)),
    ("a header longer than the file", struct.pack("<Q", 100) + b"{}"),
    ("a header of all memory", struct.pack("<Q", 2**63) + b"{}"),
    ("no JSON", struct.pack("<Q", 2) + b"{]"),
    ("a list", with_header([])),
    ("a tensor that is no object", with_header({"a": 3})),
    ("an unknown type", with_header({"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}, bytes(8))),
    ("a negative shape", with_header({"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}, bytes(4))),
    ("a shape of words", with_header({"a": {"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}}, bytes(4))),
    ("a shape that is true", with_header({"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}}, bytes(4))),
    ("another length", with_header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}, bytes(4))),
    ("a gap", with_header({"a": {"dtype": "U8", "shape": [1], "data_offsets": [1, 2]}}, bytes(2))),
    ("bytes of nobody", with_header({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, bytes(2))),
    ("bytes that are not there", with_header({"a": {"dtype": "U8", "shape": [9], "data_offsets": [0, 9]}}, bytes(2))),
    (
        "an overlap",
        with_header(
            {
                "a": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
                "b": {"dtype": "U8", "shape": [2], "data_offsets": [1, 3]},
            },
            bytes(3),
        ),
    ),
)
"""What calls itself safetensors and is not."""

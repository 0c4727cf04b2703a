from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.numpy import load, save

from models.registry.artifacts.shape import require_plain_name, require_sound
from streams.errors import BadRecord
from tests.contract.artifacts import TOWER, UNSOUND, weights, written


def sound(path: Path) -> bool:
    try:
        require_sound(path, path.name)
    except BadRecord:
        return False
    return True


@pytest.mark.parametrize("content", [content for _, content in UNSOUND], ids=[name for name, _ in UNSOUND])
def test_what_is_no_safetensors_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadRecord, match=f"artifact_foreign: {TOWER} is not what its name says"):
        require_sound(written(tmp_path, content), TOWER)


@pytest.mark.parametrize(
    "content",
    [weights(), bytes(save({})), bytes(save({"empty": np.zeros((0, 3), np.float32)}, metadata={"a": "b"}))],
    ids=["weights", "no tensors", "an empty tensor"],
)
def test_what_the_library_writes_is_sound(tmp_path: Path, content: bytes) -> None:
    require_sound(written(tmp_path, content), TOWER)


@given(place=st.integers(0, len(weights(count=3)) - 1), bit=st.integers(0, 7))
def test_with_any_bit_flipped_nothing_passes_that_the_library_refuses(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    content = bytearray(weights(count=3))
    content[place] ^= 1 << bit
    path = written(tmp_path_factory.mktemp("flipped"), bytes(content))
    try:
        load(bytes(content))
    except SafetensorError:
        assert not sound(path)


@given(length=st.integers(0, len(weights(count=3)) - 1))
def test_cut_short_anywhere_it_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    assert not sound(written(tmp_path_factory.mktemp("cut"), weights(count=3)[:length]))


@pytest.mark.parametrize("content", [b"", b"{", b"\x80\x04", b'{"a": 1} trailing'])
def test_json_must_be_json(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(BadRecord, match=r"config\.json"):
        require_sound(written(tmp_path, content, "config.json"), "config.json")


@pytest.mark.parametrize("name", ["image-tower.safetensors", "text_adapter.v2.safetensors", "config.json"])
def test_plain_names_are_taken(name: str) -> None:
    require_plain_name(name)


@pytest.mark.parametrize(
    "name", ["", "x", ".json", "..json", "a\0.json", "a b.json", "a.json\n", "C:\\a.json", "a.jsonl"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(BadRecord, match="artifact_foreign"):
        require_plain_name(name)

"""A checkpoint exists whole or not at all, and nothing damaged or foreign is gone on from."""

import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from streams.errors import Unavailable
from trainers.loop import checkpoints
from trainers.loop.checkpoints import Checkpoints


def state(step: int) -> dict[str, dict[str, torch.Tensor]]:
    return {part: {"tower": torch.full((4, 3), float(step))} for part in ("weights", "exp_avg")}


@pytest.fixture
def ours(tmp_path: Path) -> Checkpoints:
    """With checkpoints of steps 10 and 20."""
    ours = Checkpoints(tmp_path / "checkpoints", run="a" * 64, keep=3)
    for step in (10, 20):
        ours.save(step, state(step), {"loss": 0.5})
    return ours


def newest(ours: Checkpoints) -> tuple[int | None, list[str]]:
    """The step to go on from, and what was refused."""
    refused: list[str] = []
    saved = ours.newest_good(lambda name, why: refused.append(f"{name}: {why}"))
    return saved.step if saved else None, refused


def test_what_was_saved_comes_back(ours: Checkpoints) -> None:
    saved = ours.newest_good(lambda *_: None)
    assert saved
    assert (saved.step, saved.facts, saved.parts) == (20, {"loss": 0.5}, ("weights", "exp_avg"))
    assert torch.equal(saved.tensors("weights")["tower"], torch.full((4, 3), 20.0))


def test_where_nothing_was_saved_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    assert newest(Checkpoints(tmp_path / "none", "a" * 64)) == (None, [])


def test_only_the_newest_are_kept(ours: Checkpoints) -> None:
    for step in (30, 40):
        ours.save(step, state(step))
    assert sorted(path.name for path in ours.folder.iterdir()) == [f"step-00000000{step}" for step in (20, 30, 40)]


def flip_a_bit(folder: Path) -> None:
    file = folder / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def truncate(folder: Path) -> None:
    file = folder / "exp_avg.safetensors"
    file.write_bytes(file.read_bytes()[:-5])


def lose_a_shard(folder: Path) -> None:
    (folder / "exp_avg.safetensors").unlink()


def lose_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def empty_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"")


def change_the_manifest(folder: Path) -> None:
    file = folder / "manifest.json"
    manifest = json.loads(file.read_bytes())
    manifest["body"]["facts"]["loss"] = 0.1
    file.write_text(json.dumps(manifest))


def rename_an_older_one(folder: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("step-0000000010"), folder)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a flipped bit": (flip_a_bit, "weights.safetensors was changed"),
    "a truncated file": (truncate, "exp_avg.safetensors has 115 bytes instead of 120"),
    "a missing shard": (lose_a_shard, "exp_avg.safetensors is missing"),
    "no manifest": (lose_the_manifest, "manifest.json cannot be read: No such file or directory"),
    "an empty manifest": (empty_the_manifest, "manifest.json is not whole"),
    "a changed manifest": (change_the_manifest, "manifest.json was changed"),
    "an older one renamed": (rename_an_older_one, "says that it is of step 10"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_named_and_the_one_before_is_used(ours: Checkpoints, damage: str) -> None:
    harm, why = DAMAGES[damage]
    harm(ours.folder / "step-0000000020")
    assert newest(ours) == (10, [f"step-0000000020: {why}"])


def test_a_damaged_one_is_written_anew_when_its_step_comes_again(ours: Checkpoints) -> None:
    flip_a_bit(ours.folder / "step-0000000020")
    ours.save(20, state(20))
    assert newest(ours) == (20, [])


def test_where_all_are_damaged_training_begins_anew(ours: Checkpoints) -> None:
    for path in ours.folder.iterdir():
        lose_a_shard(path)
    step, refused = newest(ours)
    assert step is None
    assert len(refused) == 2


def test_an_empty_latest_is_foreign_and_decides_nothing(ours: Checkpoints) -> None:
    (ours.folder / "latest").touch()
    assert newest(ours) == (20, ["latest: is not a checkpoint of ours"])


def test_a_checkpoint_of_another_format_of_folder_is_foreign(ours: Checkpoints) -> None:
    (ours.folder / "global_step30").mkdir()
    (ours.folder / "global_step30" / "mp_rank_00_model_states.pt").write_bytes(b"\x80\x04.")
    assert newest(ours) == (20, ["global_step30: is not a checkpoint of ours"])


def test_a_file_that_the_manifest_does_not_know_is_named_and_not_opened(ours: Checkpoints) -> None:
    (ours.folder / "step-0000000020" / "weights.pt").write_bytes(b"\x80\x04.")
    assert newest(ours) == (20, ["step-0000000020/weights.pt: is not in the manifest, and is not opened"])


def test_a_checkpoint_of_another_run_is_refused(ours: Checkpoints) -> None:
    step, refused = newest(Checkpoints(ours.folder, run="b" * 64))
    assert step is None
    assert refused == [f"step-00000000{step}: belongs to another run" for step in (20, 10)]


def test_a_full_disk_leaves_nothing_half_visible(ours: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    write = checkpoints._write_through

    def full(file: Path, content: bytes) -> None:
        write(file, content[:10])
        if file.name == "exp_avg.safetensors":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "_write_through", full)
    with pytest.raises(Unavailable, match=r"step 30 could not be written .*: No space left on device"):
        ours.save(30, state(30))
    assert sorted(path.name for path in ours.folder.iterdir()) == ["step-0000000010", "step-0000000020"]
    assert newest(ours) == (20, [])


def test_the_draft_of_a_killed_writer_is_no_checkpoint_and_is_swept(ours: Checkpoints) -> None:
    shutil.copytree(ours.folder / "step-0000000020", ours.folder / ".draft-30")
    assert newest(ours) == (20, [])
    ours.sweep()
    assert not (ours.folder / ".draft-30").exists()


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/hostname"])
def test_a_manifest_that_names_files_elsewhere_is_refused(ours: Checkpoints, name: str) -> None:
    file = ours.folder / "step-0000000020" / "manifest.json"
    body = json.loads(file.read_bytes())["body"]
    body["files"][name] = {"length": 0, "sha256": "0" * 64}
    file.write_text(json.dumps({"body": body, "sha256": checkpoints._digest(body)}))
    assert newest(ours) == (10, [f"step-0000000020: names {name}, which is not a file of a checkpoint"])

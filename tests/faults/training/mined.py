"""The tiny lesson as a rank that dies where it is told to, or does something wrong on purpose.

What to do lies in the folder of the run: `fuse.json`, which is spent by burning down, and `sabotage`.
"""

import json
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from tests.integration.trainers.loop.tiny import TinyLesson
from trainers.loop import checkpoints, engine, rank
from trainers.loop.engine import World

MODULE = "tests.faults.training.mined"
FUSE, SABOTAGE = "fuse.json", "sabotage"


class Point(StrEnum):
    """In the order in which a step passes them."""

    BEFORE_BACKWARD = "before_backward"
    AFTER_STEP = "after_step"
    """The weights have changed, and nothing is saved."""
    BEFORE_SAVE = "before_save"
    MID_FILE = "mid_file"
    """Half of a file is written."""
    BETWEEN_FILES = "between_files"
    """Weights are written, moments are not."""
    BEFORE_MANIFEST = "before_manifest"
    BEFORE_RENAME = "before_rename"
    AFTER_RENAME = "after_rename"
    BEFORE_PRUNE = "before_prune"
    IN_EXPORT = "in_export"


IN_SAVE = (
    Point.BEFORE_SAVE,
    Point.MID_FILE,
    Point.BETWEEN_FILES,
    Point.BEFORE_MANIFEST,
    Point.BEFORE_RENAME,
    Point.AFTER_RENAME,
    Point.BEFORE_PRUNE,
)
"""Only the first rank passes these."""


class Victims(StrEnum):
    ONE = "one"
    """The rank that passes the point."""
    ALL = "all"


class Sabotage(StrEnum):
    NO_MOMENTS = "no_moments"
    """Weights are put back, Adam's moments are not."""
    SKIPPED_STEP = "skipped_step"
    """It goes on one step too far."""
    OLD_WEIGHTS = "old_weights"
    """It goes on from the right step with the weights of the start."""


@dataclass(frozen=True, slots=True)
class Fuse:
    """Where ranks die: when `rank` passes a point in the first `step` from this one on that passes it."""

    point: Point
    step: int
    rank: int
    victims: Victims

    def lay(self, folder: Path) -> None:
        (folder / FUSE).write_text(json.dumps(asdict(self)))


class Minefield:
    """What this rank steps on."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.step = 0
        file = folder / FUSE
        self._fuse = Fuse(**json.loads(file.read_text())) if file.exists() else None

    def at(self, point: Point) -> None:
        fuse = self._fuse
        if fuse and fuse.point == point and self.step >= fuse.step and dist.get_rank() == fuse.rank:
            self._burn(fuse)

    def meet(self) -> None:
        """Says who this rank is, so that another may end it."""
        (self._folder / f"pid-{dist.get_rank()}").write_text(str(os.getpid()))

    def _burn(self, fuse: Fuse) -> None:
        (self._folder / FUSE).unlink()
        if fuse.victims == Victims.ALL:
            for other in range(dist.get_world_size()):
                if other != fuse.rank:
                    os.kill(int((self._folder / f"pid-{other}").read_text()), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


class MinedLesson(TinyLesson):
    """Learns, and passes points."""

    field: Minefield

    def loss(self, forward: Callable[..., Any], step: int, micro: int, world: World) -> Tensor:
        self.field.step = step
        found = super().loss(forward, step, micro, world)
        self.field.at(Point.BEFORE_BACKWARD)
        return found

    def export(self, weights: Mapping[str, Tensor], folder: Path) -> Any:
        files = super().export(weights, folder)
        self.field.at(Point.IN_EXPORT)
        return files


def lesson_of(folder: Path) -> MinedLesson:
    lesson = MinedLesson(folder)
    lesson.field = Minefield(folder)
    lesson.field.meet()
    _mine_steps(lesson.field)
    _mine_saving(lesson.field)
    if (file := folder / SABOTAGE).exists():
        _spoil(Sabotage(file.read_text()))
    return lesson


def _mine_steps(field: Minefield) -> None:
    take_step = engine.Engine.step

    def step(self: Any, losses: Any) -> Tensor:
        loss = take_step(self, losses)
        field.at(Point.AFTER_STEP)
        return loss

    _swap(engine.Engine, "step", step)


def _mine_saving(field: Minefield) -> None:
    write, force, prune = checkpoints._write_through, checkpoints._force, checkpoints.Checkpoints._prune
    save = checkpoints.Checkpoints.save

    def mined_save(self: Any, *told: Any, **more: Any) -> Path:
        field.at(Point.BEFORE_SAVE)
        return save(self, *told, **more)

    def mined_write(file: Path, content: bytes) -> None:
        if file.name == checkpoints.MANIFEST:
            field.at(Point.BEFORE_MANIFEST)
        if file.name == "exp_avg.safetensors":
            field.at(Point.BETWEEN_FILES)
        file.write_bytes(content[: len(content) // 2])
        field.at(Point.MID_FILE)
        write(file, content)

    def mined_force(folder: Path) -> None:
        field.at(Point.BEFORE_RENAME if folder.name.startswith(checkpoints.DRAFT) else Point.AFTER_RENAME)
        force(folder)

    def mined_prune(self: Any, step: int) -> None:
        field.at(Point.BEFORE_PRUNE)
        prune(self, step)

    _swap(checkpoints.Checkpoints, "save", mined_save)
    _swap(checkpoints.Checkpoints, "_prune", mined_prune)
    _swap(checkpoints, "_write_through", mined_write)
    _swap(checkpoints, "_force", mined_force)


def _spoil(sabotage: Sabotage) -> None:
    if sabotage is Sabotage.NO_MOMENTS:
        tensors = checkpoints.Saved.tensors

        def without_moments(self: checkpoints.Saved, part: str) -> dict[str, Tensor]:
            found = tensors(self, part)
            return found if part == "weights" else {name: torch.zeros_like(each) for name, each in found.items()}

        _swap(checkpoints.Saved, "tensors", without_moments)
        return
    proven = checkpoints.proven

    def wrong(folder: Path, step: int, run: str, refuse: checkpoints.Refuse) -> checkpoints.Saved:
        saved = proven(folder, step, run, refuse)
        if sabotage is Sabotage.SKIPPED_STEP:
            return checkpoints.Saved(saved.folder, saved.step + 1, saved.facts, saved.parts)
        return checkpoints.Saved(saved.folder, saved.step, saved.facts, ())

    _swap(checkpoints, "proven", wrong)


def _swap(owner: Any, name: str, other: object) -> None:
    setattr(owner, name, other)


if __name__ == "__main__":
    rank.main(lesson_of)

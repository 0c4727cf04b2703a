"""Runs that are killed over and over, at points and steps drawn by lot, until they are through."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.faults.training.mined import FUSE, IN_SAVE, MODULE, SABOTAGE, Fuse, Point, Sabotage, Victims
from tests.integration.trainers.loop.nursery import Nursery
from tests.integration.trainers.loop.runs import begun, weights_digest
from trainers.loop.checkpoints import DRAFT, Checkpoints

STEPS, EVERY, RANKS = 60, 5, 2
WAYS: tuple[dict[str, Any], ...] = (
    {"zero_stage": 1},
    {"zero_stage": 0},
    {"zero_stage": 2},
    {"zero_stage": 3},
    {"zero_stage": 1, "precision": "bf16", "accumulation": 2},
)


@dataclass
class Hammer:
    """Counts what it has killed."""

    nursery: Nursery
    folder: Path
    seed: int
    kills: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._lots = random.Random(self.seed)
        self._whole: dict[int, str] = {}
        self._runs = 0

    def uninterrupted(self, way: int) -> str:
        """Digest of the weights that a run in this way ends with."""
        if way not in self._whole:
            folder = self._begun(way)
            assert self.nursery.train(folder, RANKS, EVERY) == [0] * RANKS
            self._whole[way] = weights_digest(folder)
        return self._whole[way]

    def killed(self, way: int, times: int) -> str:
        """Digest of the weights that a run ends with which is killed at places drawn by lot, so often at most."""
        folder = self._begun(way)
        return self._through(folder, (self._fuse(_saved_step(folder)) for _ in range(times)))

    def killed_at(self, way: int, fuse: Fuse, sabotage: Sabotage | None) -> str:
        """The same, killed once, at this place."""
        folder = self._begun(way)
        if sabotage:
            (folder / SABOTAGE).write_text(sabotage)
        return self._through(folder, iter([fuse]))

    def _through(self, folder: Path, fuses: Iterator[Fuse]) -> str:
        while True:
            fuse = next(fuses, None)
            if fuse:
                fuse.lay(folder)
            if self.nursery.train(folder, RANKS, EVERY, MODULE) == [0] * RANKS:
                return weights_digest(folder)
            assert fuse, "ranks died of themselves"
            assert not (folder / FUSE).exists(), "ranks died of themselves"
            assert _half_visible(folder) == []
            self.kills[f"{fuse.point} of {fuse.victims}"] += 1

    def _fuse(self, saved: int) -> Fuse:
        """A death within the next two checkpoints, or while the trained model is written."""
        victims = self._lots.choice(list(Victims))
        if saved + EVERY >= STEPS and self._lots.random() < 0.5:
            return Fuse(Point.IN_EXPORT, 0, 0, victims)
        point = self._lots.choice([point for point in Point if point is not Point.IN_EXPORT])
        rank = 0 if point in IN_SAVE else self._lots.randrange(RANKS)
        return Fuse(point, min(saved + self._lots.randrange(2 * EVERY), STEPS - 1), rank, victims)

    def _begun(self, way: int) -> Path:
        self._runs += 1
        return begun(self.folder / f"run-{self._runs}", steps=STEPS, **WAYS[way])


def _saved_step(folder: Path) -> int:
    saved = (folder / "checkpoints").glob("step-*")
    return max((int(each.name.removeprefix("step-")) for each in saved), default=0)


def _half_visible(folder: Path) -> list[str]:
    """What a reader of the checkpoints would have to refuse; drafts have names that say so."""
    refused: list[str] = []
    found = folder / "checkpoints"
    run = Checkpoints(found, _run_of(folder))
    run.newest_good(lambda name, why: refused.append(f"{name}: {why}"))
    return [each for each in refused if not each.startswith(DRAFT)]


def _run_of(folder: Path) -> str:
    return sha256((folder / "recipe.json").read_bytes()).hexdigest()

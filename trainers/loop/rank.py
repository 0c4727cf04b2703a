"""One of the processes that train together: `python -m trainers.loop.rank --run FOLDER`, under DeepSpeed's launcher.

The folder holds what is learnt; checkpoints, progress and what comes out are written there. Order and augmentation of
items are functions of the step alone, so weights, moments and the number of the step are all there is to save.
"""

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor, nn

from streams.errors import MillraceError, Misconfigured, Unavailable
from trainers.loop.checkpoints import Checkpoints, Saved
from trainers.loop.engine import Engine, World, join, part
from trainers.loop.lifeline import leave_with_starter, mark_alive
from trainers.loop.progress import Journal, Kind, Line
from trainers.recipes.recipe import Recipe

REPORT_EVERY_S = 0.2
AGREE_EVERY = 16
"""Steps between two agreements on whether to stop, on GPUs, which an agreement makes wait."""
CHECKPOINTS, EXPORT = "checkpoints", "export"


class Lesson(Protocol):
    """What is learnt."""

    @property
    def sha256(self) -> str:
        """Of everything that decides what comes out, but for rounding."""

    @property
    def recipe(self) -> Recipe: ...
    @property
    def model(self) -> nn.Module:
        """As it is before the first step, equal on all ranks."""

    def loss(self, forward: Callable[..., Any], step: int, micro: int, world: World) -> Tensor:
        """Of all ranks' items, equal on all of them. A function of its arguments and the weights only."""

    def export(self, weights: Mapping[str, Tensor], folder: Path) -> Sequence[Path]:
        """Writes the trained model."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a rank is told on its command line."""

    folder: Path
    threads: int
    checkpoint_steps: int
    keep: int
    tethered: bool
    compiled: bool = False

    @classmethod
    def parse(cls, arguments: Sequence[str] | None = None) -> "Orders":
        parser = argparse.ArgumentParser(description=__doc__)
        parser.add_argument("--run", type=Path, required=True, help="folder of the run")
        parser.add_argument("--threads", type=int, default=1)
        parser.add_argument("--checkpoint-steps", type=int, default=50)
        parser.add_argument("--keep", type=int, default=2, help="checkpoints that stay")
        parser.add_argument("--tethered", action="store_true", help="leave when standard input ends")
        parser.add_argument("--compiled", action="store_true", help="towers by torch's compiler")
        told = parser.parse_args(arguments)
        return cls(told.run, told.threads, told.checkpoint_steps, told.keep, told.tethered, told.compiled)


class Run:
    """A lesson on its way through the steps. Every method is called by all ranks together."""

    def __init__(self, lesson: Lesson, orders: Orders, world: World, journal: Journal) -> None:
        self._lesson, self._orders, self._world, self._journal = lesson, orders, world, journal
        self._steps = lesson.recipe.steps
        self._checkpoints = Checkpoints(orders.folder / CHECKPOINTS, lesson.sha256, orders.keep)
        saved = self._newest_good()
        self._step = saved.step if saved else 0
        self._facts: Mapping[str, Any] = saved.facts if saved else {"seconds": 0.0, "loss": 0.0, "ranks": world.size}
        self._every = lesson.recipe.checkpoint_every or orders.checkpoint_steps
        self._began = time.monotonic()
        self._reported = (self._began, self._step)
        self._stop_asked = False
        state = {name: saved.tensors(name) for name in saved.parts} if saved else None
        self._engine = Engine(lesson.model, lesson.recipe, world, state, self._step, orders.compiled)

    def ask_to_stop(self, *_: object) -> None:
        self._stop_asked = True

    def train(self) -> bool:
        """False if it was stopped before the last step."""
        before = self._facts["ranks"]
        self._say(Kind.BEGAN, detail="" if before == self._world.size else f"saved by {before} ranks")
        while self._step < self._steps:
            loss = self._engine.step(self._losses())
            self._step += 1
            stop = self._stop_agreed()
            if stop or self._step == self._steps or self._step % self._every == 0:
                self._save(loss)
            self._report(loss)
            if stop:
                break
        return self._step == self._steps

    def finish(self) -> None:
        """Writes the trained model, in full precision whatever it was trained in."""
        weights = self._engine.state()["weights"]
        if self._world.rank == 0:
            folder = self._orders.folder / EXPORT
            folder.mkdir(exist_ok=True)
            files = self._lesson.export(weights, folder)
            self._say(Kind.DONE, files=tuple(file.relative_to(self._orders.folder).as_posix() for file in files))

    def leave(self) -> None:
        self._say(Kind.STOPPED)

    def _losses(self) -> Iterator[Tensor]:
        for micro in range(self._lesson.recipe.accumulation):
            yield self._lesson.loss(self._engine, self._step, micro, self._world)

    def _newest_good(self) -> Saved | None:
        """The first rank looks, and all go on from what it found."""
        found: list[Saved | None] = [None]
        if self._world.rank == 0:
            self._checkpoints.sweep()
            found = [self._checkpoints.newest_good(lambda name, why: self._say_refused(f"{name}: {why}"))]
        if self._world.size > 1:
            dist.broadcast_object_list(found)
        return found[0]

    def _stop_agreed(self) -> bool:
        """Whether any rank was asked to stop: one that left alone would leave the others waiting for it."""
        if self._world.device.type != "cpu" and self._step % AGREE_EVERY:
            return False
        asked = torch.tensor([float(self._stop_asked)], device=self._world.device)
        if self._world.size > 1:
            dist.all_reduce(asked, op=dist.ReduceOp.MAX)
        return bool(asked.item())

    def _save(self, loss: Tensor) -> None:
        state = self._engine.state()
        self._facts = {"seconds": self._seconds(), "loss": self._sound(loss), "ranks": self._world.size}
        if self._world.rank == 0:
            self._checkpoints.save(self._step, state, {**self._facts, "threads": self._orders.threads})
            self._began = time.monotonic()
            self._say(Kind.SAVED)

    def _report(self, loss: Tensor) -> None:
        """At most a few times a second, as it waits for the loss."""
        now, (then, step) = time.monotonic(), self._reported
        if self._world.rank == 0 and (now - then >= REPORT_EVERY_S or self._step == self._steps):
            pace = self._lesson.recipe.batch * (self._step - step) / max(now - then, 1e-9)
            self._reported = (now, self._step)
            self._say(Kind.STEP, loss=self._sound(loss), items_per_s=pace)

    def _sound(self, loss: Tensor) -> float:
        if not math.isfinite(value := loss.item()):
            raise Misconfigured(f"the loss is {value} at step {self._step}: lower the recipe's learning rate")
        return value

    def _seconds(self) -> float:
        """Of training, by this process and those before it whose work is kept."""
        return float(self._facts["seconds"]) + time.monotonic() - self._began

    def _say_refused(self, detail: str) -> None:
        self._journal.say(Line(kind=Kind.REFUSED, detail=detail))

    def _say(self, kind: Kind, **facts: Any) -> None:
        if self._world.rank == 0:
            known = {"step": self._step, "steps": self._steps, "ranks": self._world.size, "loss": self._facts["loss"]}
            self._journal.say(Line(kind=kind, **known | {"seconds": self._seconds()} | facts))


def main(lesson_of: Callable[[Path], Lesson]) -> None:
    """Trains what lies in the folder, from its newest good checkpoint to the end, or until told to stop."""
    orders = Orders.parse()
    if orders.tethered:
        leave_with_starter()
    alive = mark_alive(orders.folder)
    journal = Journal(orders.folder)
    try:
        world = join(orders.threads)
        run = Run(lesson_of(orders.folder), orders, world, journal)
        signal.signal(signal.SIGTERM, run.ask_to_stop)
        if run.train():
            run.finish()
        else:
            run.leave()
        part()
    except MillraceError as error:
        journal.say(Line(kind=Kind.HINDERED if isinstance(error, Unavailable) else Kind.FAILED, detail=str(error)))
        sys.exit(str(error))
    finally:
        os.close(alive)


if __name__ == "__main__":
    from trainers.learning.lesson import lesson_of

    main(lesson_of)

"""One of the processes that are measured: `python -m tests.benchmarks.gpu.rank ORDERS`. The first says what it found.

A block is a number of steps between two points at which the device has nothing left to do; its time is that of the
slowest rank.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import deepspeed  # type: ignore[import-untyped]
import torch
import torch.distributed as dist

from tests.benchmarks.gpu.sides import Plain, Stepping, ours
from tests.benchmarks.gpu.towers import Noise, base, noise, tiny
from tests.benchmarks.harness import AtLeast, Measured, compare
from trainers.loop import rank
from trainers.loop.engine import World, join, part
from trainers.loop.progress import Follower, Journal, Kind
from trainers.recipes.recipe import Precision, Recipe, Temperature

DDP_GOAL = AtLeast(0.97)


@dataclass(frozen=True, slots=True)
class Orders:
    """What is measured."""

    batch: int
    """Pairs a rank."""
    text_tokens: int = 64
    stage: int = 1
    steps: int = 10
    """Of a block."""
    blocks: int = 5
    """Of one side alone, or pairs of blocks of both."""
    against_ddp: bool = False
    whole: bool = False
    """As a rank of a training run goes through its steps, with what it agrees on, reports and saves."""
    compiled: bool = False
    tiny: bool = False
    bf16: bool = True
    profile: str = ""
    """File for a profiler's table of one further block."""

    @classmethod
    def read(cls, text: str) -> "Orders":
        return cls(**json.loads(text))

    def written(self) -> str:
        return json.dumps(asdict(self))


class Block:
    """Steps of one side, timed."""

    def __init__(self, side: Callable[..., Stepping], orders: Orders, world: World) -> None:
        self._lesson = _lesson(orders, world)
        self._side = side(self._lesson.model, self._lesson.recipe, world, orders.compiled)
        self._steps, self._world = orders.steps, world
        self.losses: list[float] = []

    def __call__(self) -> Measured:
        """Seconds a step; the proof is how many pairs each block saw."""
        _settle(self._world)
        began = time.perf_counter()
        for _ in range(self._steps):
            loss = self._side.step(iter([self._lesson.loss(self._side, 0, 0, self._world)]))
        _settle(self._world)
        seconds = torch.tensor([time.perf_counter() - began], device=self._world.device)
        dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
        self.losses.append(float(loss))
        return Measured(float(seconds) / self._steps, self._steps * self._lesson.recipe.batch)


def measured(orders: Orders, world: World) -> dict[str, Any]:
    """The figures of these ranks. The same number of blocks on all of them: they see the same times."""
    if orders.whole:
        return _whole(orders, world) | {"ranks": world.size, **_surroundings(world)}
    our_block = Block(ours, orders, world)
    if orders.against_ddp:
        plain = Block(Plain, orders, world)
        compared = compare(our_block, plain, DDP_GOAL, orders.blocks)
        found = {
            "seconds": compared.ours,
            "ddp_seconds": compared.peer,
            "ratio": compared.ratio,
            "ratios": compared.ratios,
            "null": compared.null,
            "goal": str(DDP_GOAL),
            "verdict": compared.verdict,
            "ddp_losses": plain.losses,
        }
    else:
        our_block()
        blocks = [our_block().cost for _ in range(orders.blocks)]
        found = {"seconds": median(blocks), "blocks": blocks}
    if orders.profile:
        _profile(our_block, Path(orders.profile), world)
    return found | {"losses": our_block.losses, "ranks": world.size, **_surroundings(world)}


def _whole(orders: Orders, world: World) -> dict[str, Any]:
    """Seconds between the reports of a run, by its own clock; its first and last block are left out."""
    lesson = _lesson(orders, world, orders.steps * (orders.blocks + 2))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = rank.Orders(
            folder, threads=1, checkpoint_steps=1_000_000, keep=2, tethered=False, compiled=orders.compiled
        )
        follower = Follower(folder)
        rank.Run(lesson, told, world, Journal(folder)).train()
        dist.barrier()
        lines = follower.news()
    if world.rank:
        return {}
    kept = range(orders.steps, orders.steps * (orders.blocks + 1) + 1)
    said = [line for line in lines if line.kind is Kind.STEP and line.step in kept]
    seconds = (said[-1].seconds - said[0].seconds) / (said[-1].step - said[0].step)
    return {"seconds": seconds, "losses": [line.loss for line in said], "reports": len(said)}


def _lesson(orders: Orders, world: World, steps: int = 1_000_000) -> Noise:
    shape = (tiny if orders.tiny else base)(orders.text_tokens)
    recipe = Recipe(
        batch=orders.batch * world.size,
        steps=steps,
        learning_rate=1e-4,
        zero_stage=orders.stage,
        precision=Precision.BF16 if orders.bf16 else Precision.FP32,
        temperature=Temperature(learnable=True),
    )
    return noise(shape, recipe, world)


def _settle(world: World) -> None:
    dist.barrier()
    if world.device.type == "cuda":
        torch.cuda.synchronize(world.device)


def _profile(block: Block, file: Path, world: World) -> None:
    with torch.profiler.profile() as profiler:
        block()
    if world.rank == 0:
        order = "self_device_time_total" if world.device.type == "cuda" else "self_cpu_time_total"
        file.write_text(profiler.key_averages().table(sort_by=order, row_limit=40, max_name_column_width=90))


def _surroundings(world: World) -> dict[str, Any]:
    cuda = world.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(world.device) if cuda else "cpu",
        "peak_memory_gib": torch.cuda.max_memory_allocated(world.device) / 2**30 if cuda else None,
        "versions": {
            "torch": torch.__version__,
            "cuda": torch.version.cuda,
            "deepspeed": deepspeed.__version__,
        },
    }


def main(arguments: Sequence[str]) -> None:
    world = join(threads=1)
    found = measured(Orders.read(arguments[0]), world)
    if world.rank == 0:
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()
    part()


if __name__ == "__main__":
    main(sys.argv[1:])

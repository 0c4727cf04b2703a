"""A rank that takes one step with short gradients allowed, and writes what Adam was given."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional

from tests.integration.trainers.loop.tiny import SAID, SEEN, Towers
from trainers.loop.engine import Engine, join, part
from trainers.loop.gather import gathered
from trainers.recipes.recipe import Recipe

MODULE = "tests.integration.trainers.loop.clipping"
BATCH = 32
SHORT, LONG = 0.01, 1e6
FIRST_SHARE = 0.1
"""Of the first gradient, that Adam's mean holds after it."""


def main() -> None:
    world = join(threads=1)
    given = {}
    for name, clip in (("short", SHORT), ("long", LONG)):
        for stage in (0, 1, 2):
            torch.manual_seed(3)
            towers, seen, read = Towers(), torch.randn(BATCH, SEEN), torch.randn(BATCH, SAID)
            engine = Engine(towers, Recipe(batch=BATCH, clip=clip, zero_stage=stage), world, None, 0)
            images, texts, scale = engine(seen.chunk(world.size)[world.rank], read.chunk(world.size)[world.rank])
            logits = gathered(images) @ gathered(texts).T * gathered(scale)[0]
            engine.step(iter([functional.cross_entropy(logits, torch.arange(BATCH))]))
            means = engine.state()["exp_avg"]
            given[f"{name}.{stage}"] = torch.cat([means[each].flatten() for each in sorted(means)]) / FIRST_SHARE
    if world.rank == 0:
        save_file(given, Path(sys.argv[sys.argv.index("--run") + 1]) / f"of-{world.size}.safetensors")
    part()


if __name__ == "__main__":
    main()

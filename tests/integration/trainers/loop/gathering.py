"""A rank that computes one gradient from its part of a batch and writes the average over all ranks."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch.nn import functional

from tests.integration.trainers.loop.tiny import SAID, SEEN, Towers
from trainers.loop.gather import gathered

MODULE = "tests.integration.trainers.loop.gathering"
BATCH = 32


def main() -> None:
    dist.init_process_group("gloo")
    torch.manual_seed(3)
    towers, seen, read = Towers(), torch.randn(BATCH, SEEN), torch.randn(BATCH, SAID)
    rank, world = dist.get_rank(), dist.get_world_size()
    images, texts, scale = towers(seen.chunk(world)[rank], read.chunk(world)[rank])
    loss = functional.cross_entropy(gathered(images) @ gathered(texts).T * gathered(scale)[0], torch.arange(BATCH))
    loss.backward()
    averages = {"loss": loss.detach().reshape(1)}
    for name, weight in towers.named_parameters():
        if weight.grad is not None:
            dist.all_reduce(weight.grad)
            averages[name] = weight.grad / world
    if rank == 0:
        save_file(averages, Path(sys.argv[sys.argv.index("--run") + 1]) / f"of-{world}.safetensors")
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()

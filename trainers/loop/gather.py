"""Features of all ranks on every rank, so that each item meets the negatives of all.

Each rank then computes the same loss over everything. Data parallel training averages gradients over ranks, so the way
back must give every rank its own slice of the gradient times the number of ranks; without that factor the towers learn
at 1/ranks of the rate. Losses and gradients are then those of one process with the whole batch.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


class _Gather(torch.autograd.Function):
    """Needs batches of one size on all ranks."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        ctx.rows = local.shape[0]
        return _rows_of_all(local)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        first = dist.get_rank() * ctx.rows
        return gradients[0][first : first + ctx.rows] * dist.get_world_size()


def gathered(local: Tensor) -> Tensor:
    """Rows of all ranks in the order of ranks; gradients flow back where there are any."""
    if dist.get_world_size() == 1:
        return local
    if local.requires_grad:
        return _Gather.apply(local)  # type: ignore[no-any-return]
    return _rows_of_all(local)


def _rows_of_all(local: Tensor) -> Tensor:
    parts = [torch.empty_like(local) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, local.contiguous())
    return torch.cat(parts)

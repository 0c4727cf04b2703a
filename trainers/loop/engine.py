"""A model under DeepSpeed: set-up, one step, and its state as plain tensors. The only file that knows DeepSpeed.

Its state is taken out whole and put back whole, so it fits any number of ranks and any ZeRO stage, needs no unpickling
to read, and is the trained model as well. The few private names used for putting it back are held by tests.
"""

import importlib
import logging
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

import deepspeed  # type: ignore[import-untyped]
import torch
from deepspeed.accelerator import get_accelerator  # type: ignore[import-untyped]
from deepspeed.utils import (  # type: ignore[import-untyped]
    safe_get_full_fp32_param,
    safe_get_full_optimizer_state,
    safe_set_full_fp32_param,
    safe_set_full_optimizer_state,
    safe_set_local_fp32_param,
    safe_set_local_optimizer_state,
)
from torch import Tensor, nn

from streams.errors import Misconfigured
from trainers.recipes.recipe import Precision, Recipe
from trainers.recipes.schedule import rate_share

MOMENTS = ("exp_avg", "exp_avg_sq")
State = dict[str, dict[str, Tensor]]
"""Tensors by part (`weights`, or one of MOMENTS) and name."""
Put = Callable[[Tensor, Tensor, str | None], None]
"""Puts back a weight, or one of its moments."""
BUCKET_ELEMENTS = 2_000_000
"""Of gradients, on processors. DeepSpeed's own, 5e8, fills 2 GB at each step where algorithms are deterministic."""
GPU_BUCKET_ELEMENTS = 50_000_000
"""On GPUs: fewer, larger exchanges."""
SMALL = 1e-6
"""Added to a length before it divides, as PyTorch does."""
MAX_COMPILED_STAGE = 2
ALIGNED_ELEMENTS = 8
"""In bf16, 16 bytes: what GPUs load at once."""


@dataclass(frozen=True, slots=True)
class World:
    """The ranks that train together, seen by one of them."""

    rank: int
    size: int
    device: torch.device


def join(threads: int) -> World:
    """Meets the other ranks. What they are told by DeepSpeed's launcher is read by DeepSpeed itself."""
    deepspeed.ops.__compatible_ops__ = {}  # else a C++ op is built here, for a minute or two, that only inference uses
    logging.getLogger("DeepSpeed").setLevel(logging.ERROR)
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("warn")  # `use_deterministic_algorithms` would import torch's whole compiler
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    _leave_the_compiler_out()
    accelerator = get_accelerator()
    cuda = accelerator.device_name() == "cuda"
    deepspeed.init_distributed(dist_backend="nccl" if cuda else "gloo", verbose=False)
    local = deepspeed.comm.get_local_rank()
    if cuda:
        accelerator.set_device(local)
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    return World(deepspeed.comm.get_rank(), deepspeed.comm.get_world_size(), device)


def _leave_the_compiler_out() -> None:
    """DeepSpeed has torch compile parts of Muon, an optimiser not used here. That would import the compiler too."""
    compile_with_torch = torch.compile
    torch.compile = lambda function=None, **_: function or (lambda each: each)  # type: ignore[assignment]
    try:
        importlib.import_module("deepspeed.runtime.zero.muon.original_muon")
    finally:
        torch.compile = compile_with_torch


def part() -> None:
    """Leaves once all ranks are about to."""
    deepspeed.comm.barrier()
    deepspeed.comm.destroy_process_group()


class Engine:
    """The model as DeepSpeed runs it. Every method is called by all ranks together."""

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        world: World,
        state: State | None,
        step: int,
        compiled: bool = False,
    ) -> None:
        """From the weights that the model has, or from a state and the number of steps that led to it.

        Raises Misconfigured where weights that ranks share out would have to be compiled: they are fetched layer by
        layer, which a compiled tower does not wait for.
        """
        if compiled and recipe.zero_stage > MAX_COMPILED_STAGE:
            raise Misconfigured(f"zero_stage {recipe.zero_stage} cannot be compiled: set training.compiled = false")
        self._recipe, self._step = recipe, step
        for tower in model.children() if compiled else ():
            tower.compile()
        if state:
            model.load_state_dict(state["weights"], strict=False)  # what is frozen is as it was built
        self._trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        self._buffers = dict(model.named_buffers())
        groups = _groups(self._trained.values(), recipe.weight_decay)
        in_order = [weight for group in groups for weight in group["params"]]
        self._on_gpu = world.device.type == "cuda"
        self._optimizer = torch.optim.AdamW(groups, lr=0.0, fused=self._on_gpu)
        self._engine, *_ = deepspeed.initialize(
            model=model.to(world.device),
            model_parameters=in_order,
            optimizer=self._optimizer,
            config=_settings(recipe, world.size, self._on_gpu),
        )
        self._masters = dict(zip(in_order, self._optimised(), strict=False))
        put = self._prepare(self._engine.optimizer)
        if state:
            for name, weight in self._trained.items():
                put(weight, state["weights"][name], None)
                for moment in MOMENTS:
                    put(weight, state[moment][name], moment)

    def __call__(self, *inputs: Any) -> Any:
        return self._engine(*inputs)

    def step(self, losses: Iterator[Tensor]) -> Tensor:
        """One update from the losses of its micro-batches; their mean."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._recipe.learning_rate * rate_share(self._recipe, self._step)
        parts = []
        for loss in losses:
            self._engine.backward(loss)
            self._engine.step()
            parts.append(loss.detach().float())
        self._step += 1
        return torch.stack(parts).mean()

    def state(self) -> State:
        """All that is trained, in full precision, with Adam's moments; buffers are those of this rank."""
        parts: State = {part: {} for part in ("weights", *MOMENTS)}
        for name, weight in self._trained.items():
            full = safe_get_full_fp32_param(weight)
            parts["weights"][name] = _copy(self._masters[weight] if full is None else full, weight)
            for moment in MOMENTS:
                whole = self._own(weight)[moment] if full is None else safe_get_full_optimizer_state(weight, moment)
                parts[moment][name] = _copy(whole, weight)
        parts["weights"] |= {name: buffer.detach().cpu().clone() for name, buffer in self._buffers.items()}
        return parts

    def _own(self, weight: Tensor) -> dict[str, Tensor]:
        """Adam's, where DeepSpeed shares nothing out: stage 0."""
        moments: dict[str, Tensor] = self._optimizer.state[self._masters[weight]]
        return moments

    def _optimised(self) -> list[Tensor]:
        """What Adam works on: at stage 0 the weights, or in bf16 a full copy of each; above it flat shares of them."""
        return [weight for group in self._optimizer.param_groups for weight in group["params"]]

    def _prepare(self, zero: Any) -> Put:
        """Gives Adam its moments before its first step, and says how they are put back.

        With several groups of parameters DeepSpeed's first step would link those of the first group alone.
        """
        if hasattr(zero, "fp32_partitioned_groups_flat"):
            self._make_moments(zero.fp32_partitioned_groups_flat)
            return _put_slice
        if hasattr(zero, "_lazy_init_hp_params_optimizer_state"):
            self._make_moments(self._optimised())
            zero._lazy_init_hp_params_optimizer_state()
            zero.get_grad_norm_direct, zero.unscale_and_clip_grads = _length, self._shorten
            return _put_whole
        self._make_moments(self._optimised())
        return self._put_own

    def _make_moments(self, weights: list[Tensor]) -> None:
        for weight in weights:
            moments = {moment: torch.zeros_like(weight) for moment in MOMENTS}
            step = torch.tensor(float(self._step), device=weight.device if self._on_gpu else None)
            self._optimizer.state[weight] = {"step": step, **moments}

    def _shorten(self, gradients: Collection[Tensor], length: Tensor) -> None:
        """To the recipe's length, if the gradients of all groups together are longer."""
        for each in gradients:
            each.mul_(1 / ((length + SMALL) / self._recipe.clip).clamp(min=1.0))

    def _put_own(self, weight: Tensor, value: Tensor, moment: str | None) -> None:
        """Stage 0: all of it is here."""
        (self._own(weight)[moment] if moment else self._masters[weight].data).copy_(value)


def _length(gradients: Collection[Tensor], *_: object) -> Tensor:
    """Of the gradients of one group, over all ranks, at stages 1 and 2.

    DeepSpeed's own starts three kernels for each weight, and like its clipping waits for the result: that leaves a GPU
    without work.
    """
    own = [each for each in gradients if not getattr(each, "_zero_padding", False)]
    norms = torch._foreach_norm(own, 2.0, dtype=torch.float32)
    squares = torch.stack(norms).double().square().sum()
    deepspeed.comm.all_reduce(squares)
    return squares.sqrt().float()


def _put_whole(weight: Tensor, value: Tensor, moment: str | None) -> None:
    """Stages 1 and 2: each rank keeps what is its own."""
    value = value.to(weight.device)
    if moment:
        safe_set_full_optimizer_state(weight, value, moment)
    else:
        safe_set_full_fp32_param(weight, value)


def _put_slice(weight: Any, value: Tensor, moment: str | None) -> None:
    """Stage 3: slices of one length, the last one filled up; DeepSpeed's own setter of wholes forgets the filling."""
    slice_of = torch.zeros(weight.ds_tensor.numel(), device=weight.ds_tensor.device)
    first = deepspeed.comm.get_rank() * slice_of.numel()
    content = value.flatten()[first : first + slice_of.numel()]
    slice_of[: content.numel()].copy_(content)
    if moment:
        safe_set_local_optimizer_state(weight, slice_of, moment)
    else:
        safe_set_local_fp32_param(weight, slice_of)


def _copy(whole: Tensor, weight: Any) -> Tensor:
    """Apart from what training goes on changing, and without stage 3's filling."""
    shape = getattr(weight, "ds_shape", weight.shape)
    return whole.detach().float().cpu().flatten()[: math.prod(shape)].reshape(shape).clone()


def _groups(weights: Collection[Tensor], decay: float) -> list[dict[str, Any]]:
    """Vectors and single numbers do not decay: norms, biases, the temperature.

    DeepSpeed lays the weights of a group end to end. One of odd length would shift all behind it to addresses that
    GPUs multiply from at a third of their speed, so such weights come last.
    """
    in_order = sorted(weights, key=lambda weight: weight.numel() % ALIGNED_ELEMENTS > 0)
    matrices = [weight for weight in in_order if weight.dim() > 1]
    vectors = [weight for weight in in_order if weight.dim() < 2]
    groups = ({"params": matrices, "weight_decay": decay}, {"params": vectors, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]


def _settings(recipe: Recipe, ranks: int, on_gpu: bool = False) -> dict[str, Any]:
    """Gradients in bf16 are not looked through for infinities, as those in fp32 are not: it costs a wait at each step,
    and a step is then left out without a word. The loss tells."""
    rank_batch = recipe.batch // recipe.accumulation // ranks
    bucket = GPU_BUCKET_ELEMENTS if on_gpu else BUCKET_ELEMENTS
    return {
        "train_batch_size": rank_batch * recipe.accumulation * ranks,
        "train_micro_batch_size_per_gpu": rank_batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "gradient_clipping": recipe.clip,
        "bf16": {"enabled": recipe.precision is Precision.BF16, "check_grad_overflow": False},
        "steps_per_print": 10**9,
        "zero_optimization": {
            "stage": recipe.zero_stage,
            "reduce_bucket_size": bucket,
            "allgather_bucket_size": bucket,
        },
    }

"""The benchmark on a processor, with small shapes: what it counts, and that it runs."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.gpu.flops import forward_flops, peak_tflops, step_flops
from tests.benchmarks.gpu.rank import Orders
from tests.benchmarks.gpu.starting import found_by, with_rates
from tests.benchmarks.gpu.towers import base, noise, tiny
from trainers.loop.engine import World
from trainers.recipes.recipe import Recipe

HERE = World(0, 1, torch.device("cpu"))


def test_the_closed_form_counts_what_torch_counts() -> None:
    shape = tiny(text_tokens=8)
    lesson = noise(shape, Recipe(batch=4), HERE)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # of which every product is counted
        lesson.model(lesson.batch)
    assert counter.get_total_flops() == 4 * forward_flops(shape)


def test_a_pair_of_the_base_shapes_costs_what_is_known_of_them() -> None:
    assert forward_flops(base(text_tokens=77)) == pytest.approx(35.1e9 + 13.3e9, rel=0.01)


def test_the_share_of_the_peak_is_of_one_gpu() -> None:
    orders = Orders(batch=512)
    found = with_rates({"ranks": 2, "seconds": 0.25, "device": "NVIDIA H100 80GB HBM3"}, orders)
    assert found["items_per_s"] == 4096
    assert found["mfu"] == pytest.approx(2048 * step_flops(base(64)) / 989e12)


def test_no_peak_is_made_up_for_a_device_that_is_not_known() -> None:
    assert peak_tflops("cpu") is None


def test_the_engine_and_plain_ddp_do_the_same_work_on_two_ranks() -> None:
    orders = Orders(batch=4, text_tokens=8, steps=2, blocks=1, against_ddp=True, tiny=True, bf16=False)
    found = found_by(2, orders)
    shared = min(len(found["losses"]), len(found["ddp_losses"]))
    assert found["losses"][:shared] == pytest.approx(found["ddp_losses"][:shared], rel=1e-4)
    assert found["losses"][0] != found["losses"][-1]
    assert found["ranks"] == 2


def test_a_whole_run_tells_its_pace() -> None:
    found = found_by(1, Orders(batch=4, text_tokens=8, steps=40, blocks=2, whole=True, tiny=True))
    assert found["reports"] > 1
    assert found["seconds"] > 0

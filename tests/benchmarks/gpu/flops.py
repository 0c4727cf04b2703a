"""Floating-point operations of a step, by a closed form: matrix products only, the backward pass twice the forward.

Attention is counted in full; norms, activations, the embedding tables, the loss over the batch and the optimiser are
not. So the share of the peak (MFU) says how much of the GPU's time went into what cannot be left out.
"""

from tests.benchmarks.gpu.towers import DIM, Shape

PEAK_TFLOPS = {"H100": 989.0, "H200": 989.0}
"""Dense bf16, by the maker's data sheet (SXM), by a part of the device's name."""


def forward_flops(shape: Shape) -> int:
    """Of one pair."""
    patching = 2 * shape.patches * 3 * shape.patch_px**2 * shape.width
    projections = 2 * 2 * shape.width * DIM
    return _layers(shape, shape.patches + 1) + _layers(shape, shape.text_tokens) + patching + projections


def step_flops(shape: Shape) -> int:
    """Of one pair, forward and backward."""
    return 3 * forward_flops(shape)


def peak_tflops(device: str) -> float | None:
    """None for devices of which no peak is stated here."""
    return next((peak for name, peak in PEAK_TFLOPS.items() if name in device), None)


def _layers(shape: Shape, tokens: int) -> int:
    products = 2 * tokens * (4 * shape.width**2 + 2 * shape.width * shape.inner)
    attention = 2 * 2 * tokens**2 * shape.width
    return shape.layers * (products + attention)

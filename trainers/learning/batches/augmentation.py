"""Pictures as a step sees them: a little moved, brighter or darker. What happens to each is decided by its numbers."""

import numpy as np
from numpy.typing import NDArray

from models.encoders.pictures import Pixels
from trainers.recipes.recipe import Augmentation

NUMBERS = 5
"""Uniform numbers that one picture takes: two shifts, mirror, brightness, contrast."""


def augmented(squares: Pixels, draws: NDArray[np.float64], how: Augmentation) -> NDArray[np.float32]:
    """Pictures (n, side, side, 3) to what the network reads (n, 3, side, side), -1 to 1. Edges are drawn out."""
    side = squares.shape[1]
    reach = how.shift * side
    places = np.arange(side)
    rows = _moved(places, draws[:, 0], reach, side)
    columns = _moved(places, draws[:, 1], reach, side)
    if how.flip:
        columns = np.where(draws[:, 2, None] < 0.5, columns[:, ::-1], columns)
    each = np.arange(len(squares))[:, None, None]
    levels = squares[each, rows[:, :, None], columns[:, None, :]].astype(np.float32) / np.float32(127.5) - 1
    contrast = (1 + how.contrast * (2 * draws[:, 4] - 1)).astype(np.float32)[:, None, None, None]
    brightness = (2 * how.brightness * (2 * draws[:, 3] - 1)).astype(np.float32)[:, None, None, None]
    return np.ascontiguousarray(np.clip(levels * contrast + brightness, -1, 1).transpose(0, 3, 1, 2))


def _moved(places: NDArray[np.intp], draws: NDArray[np.float64], reach: float, side: int) -> NDArray[np.intp]:
    shifts = np.round((2 * draws - 1) * reach).astype(np.intp)
    return np.asarray(np.clip(places + shifts[:, None], 0, side - 1))

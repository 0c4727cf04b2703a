"""Untrained picture features for the evaluation: histograms of oriented gradients and a coarse map of colours."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.decomposition import PCA

_SIDE = 64
_CELL = 8
_DIRECTIONS = 9
_COLOUR_SIDE = 96
_COLOUR_GRID = 6
_COLOUR_SHARE = 0.5
_KEPT = 200


def picture_features(pictures: Sequence[bytes]) -> NDArray[np.float32]:
    """(n, 200): colours at half the scale of the outlines, then principal components; no label is used."""
    outlines = _one_scale(np.stack([_outlines(_square(content, _SIDE)) for content in pictures]))
    colours = _one_scale(np.stack([_colours(_square(content, _COLOUR_SIDE)) for content in pictures]))
    together = np.concatenate([outlines, _COLOUR_SHARE * colours], axis=1)
    return np.asarray(PCA(_KEPT, random_state=0).fit_transform(together), dtype=np.float32)


def _square(content: bytes, side: int) -> NDArray[np.float64]:
    with Image.open(io.BytesIO(content)) as picture:
        levels = picture.convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(levels, dtype=np.float64) / 255


def _outlines(square: NDArray[np.float64]) -> NDArray[np.float64]:
    """Histograms of the directions in which brightness changes, of the colour in which it changes most."""
    down, across = np.gradient(square, axis=(0, 1))
    strongest = np.hypot(down, across).argmax(axis=2)[..., None]
    down, across = (np.take_along_axis(each, strongest, axis=2)[..., 0] for each in (down, across))
    direction = np.floor(np.arctan2(down, across) % np.pi / np.pi * _DIRECTIONS).astype(int) % _DIRECTIONS
    by_direction = np.hypot(down, across)[..., None] * (direction[..., None] == np.arange(_DIRECTIONS))
    cells = _SIDE // _CELL
    histograms = by_direction.reshape(cells, _CELL, cells, _CELL, _DIRECTIONS).sum(axis=(1, 3))
    corners = [histograms[i : cells - 1 + i, j : cells - 1 + j] for i in (0, 1) for j in (0, 1)]
    blocks = np.concatenate(corners, axis=2)
    return np.asarray(blocks / np.sqrt((blocks**2).sum(axis=2, keepdims=True) + 1e-3)).ravel()


def _colours(square: NDArray[np.float64]) -> NDArray[np.float64]:
    side = _COLOUR_SIDE // _COLOUR_GRID
    return np.asarray(square.reshape(_COLOUR_GRID, side, _COLOUR_GRID, side, 3).mean(axis=(1, 3))).ravel()


def _one_scale(features: NDArray[np.float64]) -> NDArray[np.float64]:
    centred = features - features.mean(axis=0)
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=1).mean()))

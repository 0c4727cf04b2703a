"""Pictures made in code, for tests that need encoded bytes."""

from io import BytesIO

import numpy as np
from PIL import Image


def gradient(width: int = 48, height: int = 40) -> Image.Image:
    """Dark to bright from left to right, red to green from top to bottom."""
    x = np.broadcast_to(np.linspace(0, 255, width), (height, width))
    y = np.broadcast_to(np.linspace(0, 255, height)[:, None], (height, width))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=2).astype(np.uint8))


def noise(seed: int, side_px: int = 40) -> Image.Image:
    """Pixels without any order, the same for the same seed."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8))


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    """The picture as the bytes of a file."""
    file = BytesIO()
    image.save(file, image_format, **options)
    return file.getvalue()

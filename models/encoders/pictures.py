"""Encoded pictures to small squares of pixels: upright, RGB, on white, scaled without cropping.

The whole picture is squeezed into the square, as SigLIP does it: an object at the edge counts as much as one in the
middle. Animations count by their first frame. Nothing is decoded before the header's size was judged.
"""

import struct
import zlib
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from streams.errors import BadRecord

Pixels = NDArray[np.uint8]
"""Side x side x 3, RGB."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")

_MALFORMED = (
    *(OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, MemoryError),
    *(LookupError, TypeError, ArithmeticError, AttributeError, AssertionError, RuntimeError),
)
"""What Pillow's decoders raise on bytes that lie; they are partly Python and check little."""


def pixels(content: bytes, side_px: int, max_pixels: int) -> Pixels:
    """The picture as a square. Raises BadRecord: `unreadable_image`, or `image_too_large` judged by its header."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > max_pixels:
                raise BadRecord("image_too_large", f"{image.width * image.height} pixels, {max_pixels} are allowed")
            image.draft("RGB", (4 * side_px, 4 * side_px))  # a JPEG decodes at a fraction of its size, and of the time
            return _square(_rgb(ImageOps.exif_transpose(image)), side_px)
    except Image.DecompressionBombError as error:
        raise BadRecord("image_too_large", str(error)[:200]) from error
    except _MALFORMED as error:
        raise BadRecord("unreadable_image", f"Pillow cannot decode it ({type(error).__name__})") from error


def _square(image: Image.Image, side_px: int) -> Pixels:
    small = image.resize((side_px, side_px), Image.Resampling.BICUBIC, reducing_gap=3.0)
    return np.asarray(small, dtype=np.uint8)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a sample, which Pillow would cut off at 255
        return Image.fromarray((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    seen = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")

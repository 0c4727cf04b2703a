"""Pictures: judged by their header before anything is decoded, then the first frame is decoded in full.

A header is a promise that costs nothing to break: 100 megapixels fit into 100 bytes. So size, frames and scans are
bounded before the decoder allocates or works; those bounds, not a clock, limit the time one picture takes.
"""

import re
import struct
import warnings
import zlib
from io import BytesIO

from PIL import Image, UnidentifiedImageError

from consumers.curation.config import CurationConfig
from consumers.curation.content.media_types import Medium
from consumers.curation.content.objections import Objection, at_least, at_most, first, shown
from schemas.items import MediaFacts, RejectReason

DECODERS = {
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
"""Pillow tries no decoder but the one that the signature asks for."""

MAX_JPEG_SCANS = 100
"""A progressive JPEG has about 10; each is one more pass over all pixels, and thousands fit into a small file."""

GIF_IMAGE, GIF_TRAILER = 0x2C, 0x3B

MALFORMED = (
    *(UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, MemoryError),
    *(LookupError, TypeError, ArithmeticError, AttributeError, AssertionError, RuntimeError),
)
"""What Pillow's decoders raise on bytes that lie; they are partly Python and check little."""

# Pillow warns of odd headers and of sizes below its own limit; ours is stricter, and the verdict says it all.
warnings.filterwarnings("ignore", module=r"PIL\.")


def examine_image(content: bytes, media_type: str, config: CurationConfig) -> Medium | Objection:
    """The picture with its facts, or why it is refused."""
    try:
        with _open(content, media_type) as image:
            if (objection := _size_objection(image, config)) is not None:
                return objection
            frames = _frames(image, content, media_type, config.max_image_frames)
            return _work_objection(frames, content, media_type, config) or _decoded(image, frames, media_type)
    except Image.DecompressionBombError as error:
        return _bomb(str(error), config)
    except MALFORMED as error:
        return Objection(RejectReason.UNREADABLE, shown(error) or type(error).__name__)


def _open(content: bytes, media_type: str) -> Image.Image:
    formats = [DECODERS[media_type]]
    if media_type == "image/png":
        # Decoding pixels skips the checksums; verifying uses up the file object.
        Image.open(BytesIO(content), formats=formats).verify()
    return Image.open(BytesIO(content), formats=formats)


def _size_objection(image: Image.Image, config: CurationConfig) -> Objection | None:
    return first(
        (
            at_least(min(image.size), config.min_side_px, "px", RejectReason.TOO_SMALL),
            at_most(image.width * image.height, config.max_image_pixels, "pixels", RejectReason.TOO_LARGE),
            at_most(max(image.size), config.max_side_px, "px", RejectReason.TOO_LARGE),
        )
    )


def _work_objection(frames: int, content: bytes, media_type: str, config: CurationConfig) -> Objection | None:
    scans = content.count(b"\xff\xda") if media_type == "image/jpeg" else 0
    return first(
        (
            at_most(frames, config.max_image_frames, "frames", RejectReason.TOO_LONG),
            at_most(scans, MAX_JPEG_SCANS, "scans", RejectReason.UNREADABLE),
        )
    )


def _decoded(image: Image.Image, frames: int, media_type: str) -> Medium:
    image.load()
    codec = DECODERS[media_type].lower()
    return Medium(media_type, MediaFacts(width_px=image.width, height_px=image.height, frames=frames, codec=codec))


def _bomb(message: str, config: CurationConfig) -> Objection:
    pixels = re.search(r"\d+", message)
    measured = f"{pixels.group()} pixels" if pixels else shown(message)
    return Objection(RejectReason.TOO_LARGE, measured, f"{config.max_image_pixels} pixels")


def _frames(image: Image.Image, content: bytes, media_type: str, limit: int) -> int:
    """Frames of an animation, counted no further than just above `limit`."""
    if media_type == "image/gif":
        return gif_frames(content, limit)
    if media_type == "image/tiff":
        return _tiff_pages(image, limit)
    return int(getattr(image, "n_frames", 1))  # the others say it in their header


def gif_frames(content: bytes, limit: int) -> int:
    """Frames of a GIF, by walking over its blocks without decoding them. Raises EOFError if it ends inside one."""
    try:
        return _gif_blocks(content, limit)
    except IndexError:
        raise EOFError("image file is truncated") from None


def _gif_blocks(content: bytes, limit: int) -> int:
    at, frames = 13 + _colour_table_bytes(content[10]), 0
    while at < len(content) and content[at] != GIF_TRAILER and frames <= limit:
        if content[at] == GIF_IMAGE:
            frames += 1
            at += 11 + _colour_table_bytes(content[at + 9])
        else:
            at += 2
        while length := content[at]:
            at += length + 1
        at += 1
    return frames


def _colour_table_bytes(flags: int) -> int:
    return 6 << (flags & 7) if flags & 0x80 else 0


def _tiff_pages(image: Image.Image, limit: int) -> int:
    pages = 1
    try:
        while pages <= limit:
            image.seek(pages)  # one by one: after a jump beyond the end Pillow takes the target for the count
            pages += 1
    except EOFError:
        image.seek(0)
    return pages

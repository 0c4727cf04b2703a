"""Builders of items and media for the tests of curation; all bytes are made here."""

import struct
import wave
import zlib
from fractions import Fraction
from hashlib import sha256
from io import BytesIO
from typing import Any

import av
import numpy as np
from hypothesis import strategies as st
from PIL import Image

from schemas.items import ItemPublished, ItemWithdrawn, MediaRef
from streams.media.store import uri_of
from streams.record import Origin
from streams.stage import Incoming

RAW_TOPIC = "millrace.items.raw.v1"
PROSE = "The miller opens the sluice, and the water turns the wheel."


def published(item_id: str = "a", **fields: Any) -> ItemPublished:
    """An item of plain English, unless said otherwise."""
    if "media" not in fields:
        fields.setdefault("text", PROSE)
    return ItemPublished(item_id=item_id, **fields)


def incoming(fact: ItemPublished | ItemWithdrawn, offset: int = 0, partition: int = 0) -> Incoming:
    """The fact at a place in the raw topic."""
    return Incoming(fact, Origin(RAW_TOPIC, partition, offset))


def absent(media_type: str = "image/png", content: bytes = b"nobody stored this") -> MediaRef:
    """A reference to bytes that are in no store."""
    digest = sha256(content).hexdigest()
    return MediaRef(uri=uri_of(digest), sha256=digest, length=len(content), media_type=media_type)


def picture(form: str = "PNG", size: tuple[int, int] = (32, 24), frames: int = 1, **options: Any) -> bytes:
    """Noise, so that it does not compress to nothing."""
    noise = np.random.default_rng(7).integers(0, 255, (frames, size[1], size[0], 3), dtype=np.uint8)
    first, *others = [Image.fromarray(frame) for frame in noise]
    buffer = BytesIO()
    if others:
        options |= {"save_all": True, "append_images": others}
    first.save(buffer, form, **options)
    return buffer.getvalue()


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """A well-formed chunk."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises much and holds hardly anything."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(b"\0" * 64)) + png_chunk(b"IEND", b"")


def png_with_swelling_text() -> bytes:
    """A small picture with a compressed comment of 64 MB."""
    whole = picture()
    swollen = png_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"\0" * 64 * 2**20, 9))
    return whole[:33] + swollen + whole[33:]


def wav(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A tone."""
    buffer = BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.sin(np.arange(int(seconds * rate)) / 5) * 9000).astype("<i2").tobytes())
    return buffer.getvalue()


def sound(form: str, codec: str, seconds: float = 1.0) -> bytes:
    """A tone in any container and codec that FFmpeg writes."""
    buffer, rate = BytesIO(), 48000
    with av.open(buffer, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=rate, layout="mono")
        for start in range(0, int(seconds * rate), 960):
            samples = (np.sin(np.arange(start, start + 960) / 20) * 9000).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts = rate, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def video(
    form: str = "mp4",
    codec: str = "mpeg4",
    size: tuple[int, int] = (64, 48),
    frames: int = 30,
    rate: int = 15,
    **options: str,
) -> bytes:
    """Moving noise, mute."""
    buffer, noise = BytesIO(), np.random.default_rng(7)
    with av.open(buffer, "w", format=form, options=options) as container:
        stream: Any = container.add_stream(codec, rate=rate)
        stream.width, stream.height = size
        stream.pix_fmt, stream.time_base = "yuv420p", Fraction(1, rate)
        for _ in range(frames):
            shades = noise.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shades, format="rgb24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def streamable_video(**shape: Any) -> bytes:
    """An MP4 whose index comes first, so that its beginning plays when the rest is missing."""
    return video(movflags="frag_keyframe+empty_moov", **shape)


def flipped(content: bytes, at: float = 0.5) -> bytes:
    """The same with some bytes turned over."""
    damaged, position = bytearray(content), int(len(content) * at)
    for index in range(position, min(position + 8, len(content))):
        damaged[index] ^= 0xFF
    return bytes(damaged)


DAMAGE = st.lists(
    st.tuples(st.integers(0, 4000), st.sampled_from([b"", b"\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0"])),
    min_size=1,
    max_size=6,
)
"""Places in a file, and what stands there instead."""


def damaged(content: bytes, damage: list[tuple[int, bytes]]) -> bytes:
    """The same with two bytes replaced by others, or by none, at each place that exists."""
    for place, instead in damage:
        content = content[: place % len(content)] + instead + content[place % len(content) + 2 :]
    return content or b"\0"

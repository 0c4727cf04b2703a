"""Which encoder turns items and queries into vectors, and how much it may take for it."""

from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


class EncoderKind(StrEnum):
    MINI = "millrace-mini"
    """MiniLM for texts and a small ConvNet for pictures."""
    HASHING = "hashing"
    """No weights, no torch: similar words, similar vectors. For tests."""


class EncoderConfig(BaseModel):
    """The encoder and its bounds. Speed settings never change the name of the space; the others do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: EncoderKind = EncoderKind.MINI
    """Which encoder."""
    threads: PositiveInt | None = Field(default=None, le=1024)
    """Threads that torch computes with, in the whole process; None means half the cores, at least one. Waiting threads
    spin: on two cores shared with other processes, two threads took twice as long as one."""
    batch_tokens: int = Field(default=2048, ge=64, le=2**20)
    """Tokens of one batch of texts, padding included. More gains nothing on a processor and takes memory."""
    batch_images: int = Field(default=64, ge=1, le=65_536)
    """Pictures of one batch."""
    window_pieces: int = Field(default=256, ge=16, le=256)
    """Word pieces that the model sees at once, with its two marks; MiniLM was trained on up to 256."""
    max_parts: int = Field(default=32, ge=1, le=64)
    """Windows of one text; what lies beyond the last one is not embedded and not found."""
    max_part_chars: int = Field(default=2000, ge=100, le=3000)
    """Characters of one window, so that an item's parts fit into a record whatever its words look like."""
    image_side_px: int = Field(default=32, ge=16, le=512)
    """Pictures are scaled to a square of this side."""
    max_image_pixels: PositiveInt = 100_000_000
    """Pictures with more pixels are refused; judged by the header. Curation has the stricter bound."""
    image_seed: int = Field(default=0, ge=0, lt=2**32)
    """Seed of the picture tower's weights where no file gives them."""
    image_weights: Path | None = None
    """Weights of the picture tower (safetensors); None means untrained ones from the seed."""

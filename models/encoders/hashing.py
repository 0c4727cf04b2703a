"""The encoder without weights: equal inputs, equal vectors; shared words or similar pixels, near vectors.

Each word has a fixed direction of +1 and -1, taken from its digest; a text is the sum of its words. A picture is the
sum of its few pixels' directions, weighted by their brightness. It knows no meaning: for tests and for faults.

With a salt all directions are other ones: a second model, whose space has nothing in common with the first.
"""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from models.encoders.config import EncoderConfig
from models.encoders.pictures import pixels
from models.encoders.port import Vectors
from models.encoders.text.windows import WindowLimits, Word, windows
from schemas.items import Modality

_WORD = re.compile(r"\w+|[^\w\s]")
_SIDE_PX = 8


class HashingEncoder:
    """Hashed bags of words and of pixels in one space, which `salt` chooses."""

    dim = 384
    modalities = frozenset({Modality.TEXT, Modality.IMAGE})
    untrained: frozenset[Modality] = frozenset()

    def __init__(self, config: EncoderConfig, salt: int = 0) -> None:
        self.version = f"hashing-384-v1-salt{salt}" if salt else "hashing-384-v1"
        self._salt = f"{salt} " if salt else ""
        self._max_pixels = config.max_image_pixels
        self._limits = WindowLimits(config.window_pieces, config.max_part_chars, config.max_parts)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return _unit([_bag(text, self._salt) for text in texts], self.dim)

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        return _unit([self._picture(content) for content in images], self.dim)

    def split(self, text: str) -> list[str]:
        reached = text[: self._limits.reach]
        words = [Word(*found.span(), pieces=1) for found in _WORD.finditer(reached)]
        return windows(reached, words, self._limits)

    def warm_up(self) -> None:
        self.encode_texts(["ready"])

    def _picture(self, content: bytes) -> NDArray[np.float32]:
        levels = pixels(content, _SIDE_PX, self._max_pixels).astype(np.float32).ravel() / 255 - 0.5
        found = levels @ _pixel_directions(self._salt) + _direction(f"{self._salt}a picture of one grey")
        return np.asarray(found, dtype=np.float32)


def _bag(text: str, salt: str) -> NDArray[np.float32]:
    counts = Counter(_WORD.findall(text.lower()))
    total = np.zeros(HashingEncoder.dim, dtype=np.float32)
    for word, count in counts.items():
        total += np.float32(count) * _direction(salt + word)
    return total if total.any() else _direction(salt + text)


@lru_cache(maxsize=16_384)
def _direction(word: str) -> NDArray[np.float32]:
    digest = blake2b(word.encode("utf-8", "surrogatepass"), digest_size=HashingEncoder.dim // 8).digest()
    return np.unpackbits(np.frombuffer(digest, dtype=np.uint8)).astype(np.float32) * 2 - 1


@lru_cache(maxsize=4)
def _pixel_directions(salt: str) -> NDArray[np.float32]:
    return np.stack([_direction(f"{salt}pixel {place}") for place in range(_SIDE_PX * _SIDE_PX * 3)])


def _unit(rows: Sequence[NDArray[np.float32]], dim: int) -> Vectors:
    if not rows:
        return np.zeros((0, dim), dtype=np.float32)
    stacked = np.stack(rows)
    return np.asarray(stacked / np.linalg.norm(stacked, axis=1, keepdims=True), dtype=np.float32)

"""Encoders that remember: within a run, a tower that did not change sees nothing twice."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import numpy as np

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.mini import MillraceMini, text_tower
from models.encoders.port import Vectors
from models.encoders.released import load_released
from models.encoders.text.minilm import MiniLM

Seen = TypeVar("Seen", str, bytes)
Memory = dict[str, dict[bytes, Vectors]]
"""Vectors by tower and digest of what it saw."""


class Remembering(MillraceMini):
    """The same vectors, each computed once."""

    def __init__(self, texts: MiniLM, images: ImageTower, memory: Memory) -> None:
        super().__init__(texts, images)
        self._memory = memory

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        names = [sha256(text.encode()).digest() for text in texts]
        return self._known(self.texts.digest, names, texts, super().encode_texts)

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        names = [sha256(image).digest() for image in images]
        return self._known(self.images.digest, names, images, super().encode_images)

    def _known(
        self, tower: str, names: Sequence[bytes], seen: Sequence[Seen], encode: Callable[[Sequence[Seen]], Vectors]
    ) -> Vectors:
        known = self._memory.setdefault(tower, {})
        new = {name: each for name, each in zip(names, seen, strict=True) if name not in known}
        if new:
            known.update(zip(new, encode(list(new.values())), strict=True))
        return np.stack([known[name] for name in names]) if names else np.zeros((0, self.dim), dtype=np.float32)


class Towers:
    """Where encoders come from. The plain text tower is shared, and so is what it has read."""

    def __init__(self) -> None:
        self._plain = text_tower(EncoderConfig(threads=1))
        self._read: dict[bytes, Vectors] = {}

    def fresh(self, seed: int) -> Remembering:
        """As shipped, but with a picture tower of this seed, so that intervals cover its start."""
        images = ImageTower.seeded(self._plain.dim, EncoderConfig(threads=1, image_seed=seed))
        return Remembering(self._plain, images, self._memory())

    def released(self, files: Mapping[str, Path]) -> Remembering:
        """What a run wrote."""
        loaded = load_released(EncoderConfig(threads=1), files, self._plain)
        return Remembering(loaded.texts, loaded.images, self._memory())

    def _memory(self) -> Memory:
        return {self._plain.digest: self._read}

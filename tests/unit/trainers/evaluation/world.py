"""Pictures whose bytes are their captions, and encoders that see them more or less well."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.encoders.port import Vectors
from schemas.annotations import Arm
from schemas.items import Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split, TaskFacts, TaskLabel

COLOURS = ("red", "green", "blue", "black")
THINGS = TaskFacts("colours", "default", "class", COLOURS, "a photo of something {label}")
BROKEN = b"not a picture"


@dataclass
class SkilledEncoder(HashingEncoder):
    """Sees a picture's caption through noise of its own: the more skill, the less of it."""

    skill: float
    name: str = "live"
    texts_encoded: int = 0
    largest_batch: int = 0
    images_encoded: int = 0
    noise: int = field(default=0)

    def __post_init__(self) -> None:
        super().__init__(EncoderConfig())
        self.version = self.name

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts_encoded += len(texts)
        return super().encode_texts(texts)

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        self.largest_batch = max(self.largest_batch, len(images))
        self.images_encoded += len(images)
        if BROKEN in images:
            raise BadRecord("unreadable_image", "it says so itself")
        seen = super().encode_texts([image.decode() for image in images])
        noise = np.stack([self._noise(image) for image in images])
        mixed = self.skill * seen + noise
        return np.asarray(mixed / np.linalg.norm(mixed, axis=1, keepdims=True), dtype=np.float32)

    def _noise(self, image: bytes) -> Vectors:
        seed = int.from_bytes(sha256(image + self.name.encode()).digest()[:8])
        drawn = np.random.default_rng(seed).normal(size=self.dim)
        return np.asarray(drawn / np.linalg.norm(drawn), dtype=np.float32)


class NumberlessEncoder(SkilledEncoder):
    """Its training ran away."""

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        return np.full((len(images), self.dim), np.nan, dtype=np.float32)


class BrokenEncoder(SkilledEncoder):
    """Its layers do not fit each other."""

    def encode_images(self, images: Sequence[bytes]) -> Vectors:
        raise RuntimeError("shapes cannot be multiplied")


def store(folder: Path) -> MediaStore:
    (folder / "media").mkdir(exist_ok=True)
    return MediaStore.open(folder / "media")


def picture(media: MediaStore, place: int, split: Split, content: bytes | None = None) -> Row:
    """The picture of something, with its caption and its colour."""
    colour = COLOURS[place % len(COLOURS)]
    caption = f"{colour} thing number{place} of kind{place % 13}"
    ref = media.put(caption.encode() if content is None else content, "image/png")
    label = TaskLabel("colours", (colour,), 1.0, Arm.RANDOM, 1)
    return Row(
        "default",
        f"item-{place:04}",
        place,
        Modality.IMAGE,
        ref.sha256,
        ref,
        caption,
        (label,),
        source="shop" if place % 3 else "museum",
        language="de" if place % 2 else "en",
        split=split,
        group=place,
    )


def snapshot(media: MediaStore, evaluation: int = 60, train: int = 40, broken: bool = False) -> Manifest:
    """Pictures on both sides."""
    rows = [picture(media, place, Split.EVALUATION) for place in range(evaluation)]
    rows += [picture(media, evaluation + place, Split.TRAIN) for place in range(train)]
    rows += [picture(media, 9000, Split.EVALUATION, BROKEN)] if broken else []
    return Manifest.of("default", "live", [THINGS], rows)

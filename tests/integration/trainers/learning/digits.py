"""Handwritten digits as items of a snapshot, and how well an encoder finds them."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from models.encoders.port import Encoder
from schemas.annotations import Arm
from schemas.items import Modality
from streams.media.store import MediaStore
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, TaskFacts, TaskLabel

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PROMPT = "a photo of the handwritten digit {label}"
TASK = TaskFacts("digits", "default", "class", WORDS, PROMPT)
HELD_OUT = 400


@dataclass(frozen=True)
class Quality:
    precision_at_10: float
    """Of the ten pictures nearest to each sentence, the share that shows the digit."""
    accuracy: float
    """Pictures whose nearest sentence is theirs."""


class Digits:
    """In a random order, the last ones held out."""

    def __init__(self) -> None:
        data = load_digits()
        order = np.random.default_rng(0).permutation(len(data.images))
        self._images: NDArray[np.float64] = data.images[order]
        self._classes: NDArray[np.int64] = data.target[order]

    def manifest(self, media: MediaStore, labels: int) -> Manifest:
        return Manifest.of("default", "", [TASK], [self._row(place, media) for place in range(labels)])

    def quality(self, encoder: Encoder) -> Quality:
        held = range(len(self._images) - HELD_OUT, len(self._images))
        texts = encoder.encode_texts([PROMPT.format(label=word) for word in WORDS])
        near = texts @ encoder.encode_images([self._png(place) for place in held]).T
        truth = self._classes[list(held)]
        return Quality(_precision(near, truth), float((near.argmax(axis=0) == truth).mean()))

    def _row(self, place: int, media: MediaStore) -> Row:
        ref = media.put(self._png(place), "image/png")
        label = TaskLabel("digits", (WORDS[self._classes[place]],), 1.0, Arm.ACTIVE, 1)
        return Row("default", f"digit-{place:04}", place, Modality.IMAGE, ref.sha256, ref, None, (label,))

    def _png(self, place: int) -> bytes:
        file = BytesIO()
        Image.fromarray((self._images[place] * 255 / 16).astype(np.uint8)).save(file, "PNG")
        return file.getvalue()


def _precision(near: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    nearest: Sequence[NDArray[np.intp]] = list(np.argsort(-near, axis=1)[:, :10])
    return float(np.mean([(truth[places] == digit).mean() for digit, places in enumerate(nearest)]))

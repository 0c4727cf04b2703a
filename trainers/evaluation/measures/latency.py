"""How long encoding takes, candidate and live in turn, so that what slows the machine slows both."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.encoders.port import Encoder
from schemas.items import Modality
from streams.errors import BadRecord
from streams.media.store import MediaStore
from trainers.evaluation.measures.pairs import measured_rows
from trainers.gate.config import GateConfig
from trainers.gate.outcomes import Floats
from trainers.snapshots.manifest import Manifest


@dataclass(frozen=True)
class Load:
    """What is encoded again and again."""

    texts: tuple[str, ...]
    images: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.texts) + len(self.images)


def load_of(manifest: Manifest, media: MediaStore, config: GateConfig) -> Load:
    """A few texts and pictures of the evaluation side. Raises Unavailable."""
    rows = measured_rows(manifest, config.max_items, config.seed)
    texts = tuple(row.text for row in rows if row.text)[: config.latency_items]
    refs = [row.media for row in rows if row.modality is Modality.IMAGE and row.media is not None]
    images: list[bytes] = []
    for ref in refs[: config.latency_items]:
        try:
            images.append(media.get(ref))
        except BadRecord:
            continue  # left out of the measurement too, where it is told
    return Load(texts, tuple(images))


def encoding_times(
    candidate: Encoder, live: Encoder, load: Load, rounds: int, clock: Callable[[], float] = time.perf_counter
) -> tuple[Floats, Floats] | None:
    """Milliseconds an item, a value for each round of candidate, live, live, candidate; None without a load.

    Both are warm before the clock runs.
    """
    load = Load(load.texts, tuple(image for image in load.images if _readable(live, image)))
    if not len(load):
        return None
    for encoder in (candidate, live):
        _encode(encoder, load)
    times = [[_timed(one, load, clock) for one in (candidate, live, live, candidate)] for _ in range(rounds)]
    taken = np.array(times) * 1000 / len(load)
    return (taken[:, 0] + taken[:, 3]) / 2, (taken[:, 1] + taken[:, 2]) / 2


def _readable(encoder: Encoder, image: bytes) -> bool:
    try:
        encoder.encode_images([image])
    except BadRecord:
        return False
    return True


def _timed(encoder: Encoder, load: Load, clock: Callable[[], float]) -> float:
    started = clock()
    _encode(encoder, load)
    return clock() - started


def _encode(encoder: Encoder, load: Load) -> None:
    if load.texts:
        encoder.encode_texts(load.texts)
    if load.images:
        encoder.encode_images(load.images)

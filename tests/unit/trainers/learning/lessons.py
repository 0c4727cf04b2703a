"""Small data sets made in code: noise for pictures, random unit vectors for texts, no text model."""

from pathlib import Path

import numpy as np

from models.encoders.config import EncoderConfig
from models.encoders.image_tower import ImageTower
from models.encoders.released import IMAGE_TOWER
from trainers.learning.data.dataset import PARENT, Column, Dataset, DatasetFacts, open_dataset, write_dataset

DIM = 16
TEXTS, CLASSES, SIDE_PX = 12, 3, 16

FACTS = DatasetFacts(
    snapshot_sha256="a" * 64,
    parent_version="millrace-mini-0",
    text_digest="text 256",
    dim=DIM,
    side_px=SIDE_PX,
    trained=False,
    classes=tuple(("default", "task", f"class {number}") for number in range(CLASSES)),
    files={},
)


def dataset(folder: Path, fresh: int = 30, replayed: int = 10, classed: int = 0, triples: int = 0) -> Dataset:
    """Pairs, new and replayed, and other kinds of examples as many as asked for."""
    numbers = np.random.default_rng(0)
    vectors = numbers.normal(size=(TEXTS, DIM)).astype(np.float32)
    pairs = fresh + replayed
    columns: dict[str, Column] = {
        "pixels": numbers.integers(0, 256, (max(pairs, 8), SIDE_PX, SIDE_PX, 3), dtype=np.uint8),
        "texts.vector": vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
    }
    if pairs:
        columns |= _examples("pairs", pairs, replayed) | {"pairs.picture": np.arange(pairs)}
    if classed:
        columns |= _examples("classed", classed, 0)
    if triples:
        for name, first in (("positive", 0), ("negative", 4)):
            columns[f"triples.{name}.picture"] = first + np.arange(triples) % 4
            columns[f"triples.{name}.text"] = np.full(triples, -1)
            columns[f"triples.{name}.item"] = first + np.arange(triples) % 4
        columns["triples.query"] = np.arange(triples) % TEXTS
        columns["triples.weight"] = np.ones(triples, dtype=np.float32)
    (folder / PARENT).mkdir(parents=True)
    ImageTower.seeded(DIM, EncoderConfig(image_side_px=SIDE_PX)).save(folder / PARENT / IMAGE_TOWER)
    write_dataset(folder, columns, FACTS)
    return open_dataset(folder)


def _examples(kind: str, count: int, replayed: int) -> dict[str, Column]:
    places = np.arange(count)
    return {
        f"{kind}.text": places % TEXTS,
        f"{kind}.item": places,
        f"{kind}.class": places % CLASSES,
        f"{kind}.task": np.zeros(count, dtype=np.int64),
        f"{kind}.weight": np.linspace(0.5, 1, count, dtype=np.float32),
        f"{kind}.replay": (places >= count - replayed).astype(np.int64),
    }

"""Near-duplicates that occur in real pictures: a textbook's figures in two editions, found by eye."""

import csv
import tarfile
from pathlib import Path

import pytest

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from schemas.items import Modality
from streams.media.store import MediaStore
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.rows import Row
from trainers.snapshots.splitting.likeness import Likeness
from trainers.snapshots.splitting.sides import divided, duplicates


@pytest.fixture(scope="module")
def rows(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], MediaStore]:
    media = MediaStore.open(tmp_path_factory.mktemp("media"))
    found = []
    with tarfile.open(shared_data / "openstax-captions" / "images.tar") as tar:
        for member in tar:
            if member.isfile():
                ref = media.put(tar.extractfile(member).read(), "image/jpeg")  # type: ignore[union-attr]
                item = Path(member.name).stem
                found.append(Row("default", item, 1, Modality.IMAGE, ref.sha256, ref, "a figure"))
    return sorted(found, key=lambda row: row.key), media


@pytest.fixture(scope="module")
def pairs(shared_data: Path) -> dict[str, list[tuple[str, str]]]:
    with (shared_data / "openstax-captions" / "near_duplicates.csv").open() as file:
        listed = list(csv.DictReader(file))
    labels = {one["label"] for one in listed}
    return {label: [(one["id_a"], one["id_b"]) for one in listed if one["label"] == label] for label in labels}


def split(rows: list[Row], media: MediaStore, measured: set[str]) -> dict[str, str]:
    places = [place for place, row in enumerate(rows) if row.item_id in measured]
    near = Likeness(media, SnapshotConfig()).near(rows, places, HashingEncoder(EncoderConfig()))
    return {row.item_id: row.split.value for row in divided(rows, places, [*duplicates(rows), *near])}


def test_the_same_picture_published_twice_is_not_trained_on(
    rows: tuple[list[Row], MediaStore], pairs: dict[str, list[tuple[str, str]]]
) -> None:
    same = pairs["same_picture"]
    sides = split(*rows, measured={first for first, _ in same})
    assert sum(sides[second] != "train" for _, second in same) >= 0.95 * len(same)


def test_pictures_that_only_look_alike_are_trained_on(
    rows: tuple[list[Row], MediaStore], pairs: dict[str, list[tuple[str, str]]]
) -> None:
    lookalike = pairs["lookalike"]
    sides = split(*rows, measured={first for first, _ in lookalike})
    others = [second for _, second in lookalike if sides[second] != "evaluation"]
    assert sum(sides[second] == "train" for second in others) >= 0.5 * len(others)
    assert sum(side == "train" for side in sides.values()) > 0.9 * len(sides)

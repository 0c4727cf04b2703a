from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from schemas.items import Modality
from streams.media.store import MediaStore
from tests.contract.pictures import encoded, gradient, noise
from tests.unit.trainers.snapshots.frozen import row
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.rows import Row
from trainers.snapshots.splitting.likeness import Likeness, earlier, nearest
from trainers.snapshots.splitting.sides import divided

ENCODER = HashingEncoder(EncoderConfig())
LONG = "the quick brown fox jumps over the lazy dog while seven other animals sit by the river and watch it calmly"


class Blind(HashingEncoder):
    """Its texts mean nothing yet."""

    untrained = frozenset({Modality.TEXT})


class Counting(HashingEncoder):
    """Counts the texts that it read."""

    def __init__(self) -> None:
        super().__init__(EncoderConfig())
        self.version = "counting"
        self.read = 0

    def encode_texts(self, texts):  # type: ignore[no-untyped-def]
        self.read += len(texts)
        return super().encode_texts(texts)


@pytest.fixture
def media(tmp_path: Path) -> MediaStore:
    return MediaStore.open(tmp_path)


@pytest.fixture
def likeness(media: MediaStore) -> Likeness:
    return Likeness(media, SnapshotConfig())


def text(item_id: str, words: str) -> Row:
    return row(item_id, words, modality=Modality.TEXT, text=words)


def picture(item_id: str, image: Image.Image, media: MediaStore, file_format: str = "PNG", **options: object) -> Row:
    ref = media.put(encoded(image, file_format, **options), f"image/{file_format.lower()}")
    return row(item_id, ref.sha256, media=ref)


def test_a_text_with_a_word_more_is_a_near_duplicate(likeness: Likeness) -> None:
    rows = [text("a", LONG), text("b", LONG + " today"), text("c", "something else altogether")]
    assert likeness.near(rows, [0], ENCODER) == [(1, 0)]


def test_items_to_measure_with_that_are_nearly_the_same_are_one_witness(likeness: Likeness) -> None:
    rows = [text("a", LONG), text("b", "something else altogether"), text("c", LONG + " today"), text("d", LONG)]
    pairs = likeness.near(rows, [0, 1, 2, 3], ENCODER)
    assert pairs == [(2, 0), (3, 0)]
    assert [one.group for one in divided(rows, [0, 1, 2, 3], pairs)] == [0, 1, 0, 0]


@given(st.integers(1, 9), st.integers(1, 4))
def test_the_nearest_of_those_before_is_found_in_blocks_of_any_size(count: int, block: int) -> None:
    features = np.random.default_rng(count).normal(size=(count, 4)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    found = earlier(features, block)
    for place in range(1, count):
        assert found.anchor[place] == np.argmax(features[:place] @ features[place])


def test_a_picture_in_another_size_and_encoding_is_a_near_duplicate(likeness: Likeness, media: MediaStore) -> None:
    image = Image.open(BytesIO(encoded(noise(1, 12)))).resize((120, 120), Image.Resampling.BICUBIC)
    rows = [
        picture("a", image, media),
        picture("brighter", ImageEnhance.Brightness(image).enhance(1.2), media),
        picture("jpeg", image, media, "JPEG", quality=60),
        picture("other", noise(2, 12).resize((120, 120)), media),
        picture("smaller", image.resize((64, 64)), media, "WEBP"),
    ]
    assert likeness.near(rows, [0], ENCODER) == [(1, 0), (2, 0), (4, 0)]


def test_one_picture_is_like_itself_whatever_its_shape(likeness: Likeness, media: MediaStore) -> None:
    rows = [picture("a", gradient(48, 40), media), picture("b", gradient(96, 80), media)]
    assert likeness.near(rows, [1], ENCODER) == [(0, 1)]


def test_pictures_of_one_colour_are_not_alike(likeness: Likeness, media: MediaStore) -> None:
    rows = [picture(item, Image.new("RGB", (32, 32), item), media) for item in ("red", "white")]
    assert likeness.near(rows, [0], ENCODER) == []


def test_a_picture_that_is_gone_is_like_nothing(likeness: Likeness, media: MediaStore) -> None:
    rows = [picture("a", noise(1), media), picture("b", noise(1), media, "BMP")]
    assert rows[1].media is not None
    media.delete(rows[1].media)
    assert likeness.near(rows, [0], ENCODER) == []


def test_a_caption_makes_no_picture_a_near_duplicate(likeness: Likeness, media: MediaStore) -> None:
    rows = [picture(str(seed), noise(seed), media) for seed in range(2)]
    assert {one.text for one in rows} == {"a caption"}
    assert likeness.near(rows, [0], ENCODER) == []


def test_an_encoder_that_has_learnt_nothing_is_not_asked(likeness: Likeness) -> None:
    assert likeness.near([text("a", LONG), text("b", LONG + " today")], [0], Blind(EncoderConfig())) == []


def test_where_nothing_is_measured_with_nothing_is_too_near(likeness: Likeness) -> None:
    assert likeness.near([text("a", LONG), text("b", LONG)], [], ENCODER) == []


def test_ours_that_are_nearly_one_of_theirs_are_found(likeness: Likeness, media: MediaStore) -> None:
    rows = [
        text("a", LONG),
        text("b", LONG + " today"),
        text("c", "something else altogether"),
        picture("d", noise(1), media),
        picture("e", noise(1), media, "BMP"),
        picture("f", noise(2), media),
    ]
    assert likeness.like(rows, {1, 2, 4, 5}, {0, 3}, ENCODER) == {1, 4}
    assert likeness.like(rows, {1, 2, 4, 5}, set(), ENCODER) == set()


def test_the_next_snapshot_reads_only_what_is_new(likeness: Likeness) -> None:
    encoder = Counting()
    rows = [text(str(number), f"text {number}") for number in range(10)]
    likeness.near(rows, [0], encoder)
    likeness.near([*rows, text("new", "a new text")], [0], encoder)
    assert encoder.read == 11


def test_another_encoder_reads_everything_anew(likeness: Likeness) -> None:
    encoder, rows = Counting(), [text("a", "one"), text("b", "two")]
    likeness.near(rows, [0], ENCODER)
    likeness.near(rows, [0], encoder)
    assert encoder.read == 2


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_blocks_find_what_one_look_at_everything_finds(many: int, anchors: int, block: int, seed: int) -> None:
    drawn = np.random.default_rng(seed).integers(-3, 4, (many + anchors, 5)).astype(np.float32)
    features, targets = drawn[:many], drawn[many:]
    best = nearest(features, targets, block)
    products = features @ targets.T
    assert best.similarity.tolist() == np.maximum(products.max(axis=1), -1).tolist()
    above = products.max(axis=1) > -1
    assert best.anchor[above].tolist() == products.argmax(axis=1)[above].tolist()

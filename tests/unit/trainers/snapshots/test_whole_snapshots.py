"""Properties of frozen snapshots, whatever the items, duplicates, arms and labels."""

import random
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.labels.store import Standing
from schemas.annotations import Arm
from schemas.items import ItemCurated
from streams.media.store import MediaStore
from tests.unit.trainers.snapshots.frozen import (
    TOPIC,
    Shelves,
    curated,
    empty_engine,
    labels_of,
    picture,
    settle,
    settled,
)
from trainers.snapshots.builder import SnapshotBuilder
from trainers.snapshots.catalogue.catalogue import ItemCatalogue
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Split
from trainers.snapshots.store import SnapshotStore

CONFIG = SnapshotConfig(evaluation_share=0.3)
ENCODER = HashingEncoder(EncoderConfig())
LONG = "the quick brown fox jumps over the lazy dog while seven other animals sit by the river and watch it calmly"
CONTENTS = ["red green blue", "green blue red", LONG, f"{LONG} today", "small words about quite other things"]
"""The first two are one to the encoder, which knows no order, and the next two are near."""

Mill = tuple[list[ItemCurated], list[Standing]]


@st.composite
def mills(draw: st.DrawFn) -> Mill:
    """Items, some with the same or nearly the same content, and labels of some of them."""
    kinds = draw(st.lists(st.tuples(st.booleans(), st.sampled_from(CONTENTS)), max_size=9))
    items = [
        picture(str(number), content=content) if pictured else curated(str(number), content=content)
        for number, (pictured, content) in enumerate(kinds)
    ]
    arms = draw(st.lists(st.sampled_from([None, *Arm]), min_size=len(items), max_size=len(items)))
    said = [settled(item.item_id, "arts", arm=arm) for item, arm in zip(items, arms, strict=True) if arm]
    return items, said


@st.composite
def labelled_texts(draw: st.DrawFn) -> Mill:
    """Texts, most of them the same or nearly the same as another, all of them labelled."""
    drawn = draw(st.lists(st.tuples(st.sampled_from(CONTENTS), st.sampled_from(Arm)), min_size=2, max_size=8))
    items = [curated(str(number), content=content) for number, (content, _) in enumerate(drawn)]
    return items, [settled(str(number), "arts", arm=arm) for number, (_, arm) in enumerate(drawn)]


def frozen(mill: Mill, order: random.Random | None = None) -> Manifest:
    items, said = list(mill[0]), list(mill[1])
    for several in (items, said):
        (order or random.Random(0)).shuffle(several)
    engine = empty_engine()
    catalogue = ItemCatalogue(engine, CONFIG)
    for item in items:
        catalogue.write([item])
    settle(engine, said)
    with tempfile.TemporaryDirectory() as folder:
        media = MediaStore.open(Path(folder))
        builder = SnapshotBuilder(catalogue, labels_of(engine), SnapshotStore(engine, Shelves()), media, CONFIG)
        found = builder.freeze("default", ENCODER, [TOPIC], "m-0")
    engine.dispose()
    return found


@settings(max_examples=20)
@given(mills())
def test_no_content_that_is_measured_with_is_trained_on(mill: Mill) -> None:
    found = frozen(mill)
    measured, trained = found.of_split(Split.EVALUATION), found.of_split(Split.TRAIN)
    assert not {one.content_sha256 for one in measured} & {one.content_sha256 for one in trained}


@settings(max_examples=20)
@given(labelled_texts())
def test_nothing_that_is_nearly_what_is_measured_with_is_trained_on(mill: Mill) -> None:
    found = frozen(mill)
    words = [[one.text or "" for one in found.of_split(side)] for side in (Split.EVALUATION, Split.TRAIN)]
    cosines = ENCODER.encode_texts(words[0]) @ ENCODER.encode_texts(words[1]).T
    assert not (cosines >= CONFIG.text_similarity).any()


@settings(max_examples=20)
@given(mills())
def test_every_label_of_the_random_arm_is_measured_with_and_never_trained_on(mill: Mill) -> None:
    found = {row.item_id: row.split for row in frozen(mill).rows}
    assert all(found[one.item_id] is Split.EVALUATION for one in mill[1] if one.arm is Arm.RANDOM)


@settings(max_examples=10)
@given(mills(), st.randoms(use_true_random=False))
def test_the_same_input_in_any_order_gives_the_same_name(mill: Mill, order: random.Random) -> None:
    assert frozen(mill).sha256 == frozen(mill, order).sha256


@settings(max_examples=10)
@given(mills().filter(lambda mill: bool(mill[1])))
def test_a_changed_label_changes_the_name(mill: Mill) -> None:
    items, [first, *others] = mill
    changed = settled(first.item_id, "news", arm=first.arm, revision=1)
    assert frozen(mill).sha256 != frozen((items, [changed, *others])).sha256

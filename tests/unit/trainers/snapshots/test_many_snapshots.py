"""Properties of snapshots one after the other, whatever is published, labelled, reserved or set otherwise between."""

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.tasks import TaskConfig
from models.encoders.config import EncoderConfig
from models.encoders.hashing import HashingEncoder
from models.labels.store import Standing
from schemas.annotations import Arm
from schemas.items import ItemCurated
from tests.unit.trainers.snapshots.frozen import TOPIC, House, curated, empty_engine, picture, settle, settled
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Key, Row, Split
from trainers.snapshots.splitting.sides import asked_at_random

TONE = TaskConfig(name="tone", labels=("arts", "news"))
ENCODER = HashingEncoder(EncoderConfig())
SIMILAR = SnapshotConfig().text_similarity
LONG = "the quick brown fox jumps over the lazy dog while seven other animals sit by the river and watch it calmly"
CONTENTS = [LONG, f"{LONG} today", f"{LONG} today again and", f"{LONG} today again and once more", "quite other things"]
"""Each is near the next one, and the first is not near the fourth."""


@dataclass(frozen=True)
class Turn:
    """What happens before a snapshot."""

    items: Sequence[ItemCurated]
    labels: Sequence[Standing]
    reserved: Collection[str]
    share: float
    seed: int


@st.composite
def turns(draw: st.DrawFn) -> list[Turn]:
    """Items come once, most of them texts; so does each label."""
    count = draw(st.integers(2, 8))
    contents = draw(st.lists(st.sampled_from(CONTENTS), min_size=count, max_size=count))
    made = [
        picture(str(number), content=f"pixels: {content}") if number % 4 == 3 else curated(str(number), content=content)
        for number, content in enumerate(contents)
    ]
    comes = st.lists(st.integers(0, 3), min_size=count, max_size=count)
    coming, labelled = draw(comes), [(task, draw(comes)) for task in ("topic", "tone")]
    arms = {task: draw(st.lists(st.sampled_from(Arm), min_size=count, max_size=count)) for task, _ in labelled}
    return [
        Turn(
            [made[place] for place in range(count) if coming[place] == turn],
            [
                settled(str(place), "arts", task=task, arm=arms[task][place])
                for task, when in labelled
                for place in range(count)
                if when[place] == turn + 1
            ],
            draw(st.sets(st.sampled_from([str(place) for place in range(count)]), max_size=3)),
            draw(st.sampled_from([0.0, 0.5, 0.9])),
            draw(st.integers(0, 3)),
        )
        for turn in range(3)
    ]


@contextmanager
def empty_house() -> Iterator[House]:
    with tempfile.TemporaryDirectory() as folder:
        house = House(empty_engine(), Path(folder))
        yield house
        house.engine.dispose()


def snapshots(house: House, story: Sequence[Turn]) -> Iterator[Manifest]:
    for turn in story:
        house.config = SnapshotConfig(evaluation_share=turn.share, seed=turn.seed)
        house.holds(*turn.items)
        settle(house.engine, turn.labels)
        waits = turn.reserved
        yield house.freeze(TOPIC, TONE, reserved=lambda row, waits=waits: 0.0 if row.item_id in waits else None)


def alike(some: Collection[str], others: Collection[str]) -> bool:
    """Whether two of these texts are nearly the same."""
    cosines = ENCODER.encode_texts(sorted(some)) @ ENCODER.encode_texts(sorted(others)).T
    return bool((cosines >= SIMILAR).any())


def texts(rows: Sequence[Row]) -> set[str]:
    return {row.text for row in rows if row.media is None and row.text}


@settings(max_examples=60, deadline=None)
@given(turns())
def test_an_item_is_never_on_both_sides_at_any_time(story: list[Turn]) -> None:
    trained, measured, contents = set[Key](), set[Key](), set[str]()
    with empty_house() as house:
        for found in snapshots(house, story):
            measured |= {row.key for row in found.of_split(Split.EVALUATION)}
            trained |= {row.key for row in found.of_split(Split.TRAIN)}
            contents |= {row.content_sha256 for row in found.of_split(Split.TRAIN)}
            assert not measured & trained
            assert not {row.content_sha256 for row in found.of_split(Split.EVALUATION)} & contents


@settings(max_examples=60, deadline=None)
@given(turns())
def test_nothing_that_is_nearly_what_was_ever_trained_on_measures(story: list[Turn]) -> None:
    trained = set[str]()
    with empty_house() as house:
        for found in snapshots(house, story):
            trained |= texts(found.of_split(Split.TRAIN))
            assert not alike(texts(found.of_split(Split.EVALUATION)), trained)


@settings(max_examples=30, deadline=None)
@given(turns())
def test_no_label_of_the_random_arm_ever_trains(story: list[Turn]) -> None:
    with empty_house() as house:
        for found in snapshots(house, story):
            assert not any(asked_at_random(row) for row in found.of_split(Split.TRAIN))


@settings(max_examples=30, deadline=None)
@given(turns())
def test_what_was_trained_on_stays_so_unless_the_random_arm_asked_about_it(story: list[Turn]) -> None:
    trained = set[Key]()
    with empty_house() as house:
        for found in snapshots(house, story):
            left = [row for row in found.rows if row.key in trained and row.split is not Split.TRAIN]
            assert all(asked_at_random(row) for row in left)
            trained |= {row.key for row in found.of_split(Split.TRAIN)}


@settings(max_examples=60, deadline=None)
@given(turns())
def test_nothing_that_is_nearly_what_the_random_arm_may_still_ask_about_is_trained_on(story: list[Turn]) -> None:
    trained, there = set[str](), dict[str, str]()
    with empty_house() as house:
        for turn, found in zip(story, snapshots(house, story), strict=True):
            there |= {item.item_id: item.text for item in turn.items if item.media is None and item.text}
            waiting = {there[item] for item in turn.reserved if item in there}
            sound = {text for text in waiting if not alike([text], trained)}
            assert not alike(texts(found.of_split(Split.TRAIN)), sound)
            trained |= texts(found.of_split(Split.TRAIN))


@settings(max_examples=20, deadline=None)
@given(turns())
def test_freezing_again_changes_nothing(story: list[Turn]) -> None:
    with empty_house() as house:
        first = list(snapshots(house, story))[-1]
        again = Turn((), (), story[-1].reserved, story[-1].share, story[-1].seed)
        assert list(snapshots(house, [again])) == [first]

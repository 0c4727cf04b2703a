import random
from pathlib import Path

import pytest

from annotation.tasks import TaskConfig
from schemas.annotations import Arm
from tests.unit.trainers.snapshots.frozen import (
    TOPIC,
    House,
    curated,
    empty_engine,
    picture,
    settle,
    settled,
    sides,
    withdrawn,
)
from trainers.snapshots.rows import Row, Split


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(empty_engine(), tmp_path)


def of_a(row: Row) -> float | None:
    return 0.0 if row.item_id == "a" else None


def test_what_is_labelled_or_captioned_is_frozen_and_nothing_else(house: House) -> None:
    house.holds(curated("said"), curated("unsaid"), picture("with"), picture("without", text=None))
    settle(house.engine, [settled("said", "arts")])
    assert sides(house.freeze()) == {"said": "train", "with": "train"}


def test_labels_of_the_random_arm_are_measured_with(house: House) -> None:
    house.holds(curated("a"), curated("b"))
    settle(house.engine, [settled("a", "arts", arm=Arm.RANDOM), settled("b", "news")])
    assert sides(house.freeze()) == {"a": "evaluation", "b": "train"}


def test_an_item_that_one_task_measures_with_trains_no_other_task(house: House) -> None:
    house.holds(curated("a"))
    settle(house.engine, [settled("a", "arts"), settled("a", "good", task="tone", arm=Arm.RANDOM)])
    assert sides(house.freeze(TOPIC, TaskConfig(name="tone", labels=("good", "bad")))) == {"a": "evaluation"}


def test_a_duplicate_of_what_is_measured_with_is_never_trained_on(house: House) -> None:
    house.holds(curated("a", content="same"), curated("b", content="same"), curated("c", content="other"))
    settle(house.engine, [settled("a", "arts", arm=Arm.RANDOM), settled("b", "arts"), settled("c", "news")])
    frozen = house.freeze()
    assert sides(frozen) == {"a": "evaluation", "b": "excluded", "c": "train"}
    assert [row.group for row in frozen.rows] == [0, 0, 2]


def test_a_share_of_the_captioned_items_is_measured_with_whatever_else_there_is(tmp_path: Path) -> None:
    house = House(empty_engine(), tmp_path, evaluation_share=0.3)
    house.holds(*(picture(f"item-{number}") for number in range(100)))
    first = house.freeze()
    house.holds(*(picture(f"later-{number}") for number in range(100)))
    second = house.freeze()
    assert 15 < first.counts()[Split.EVALUATION] < 45
    assert {item: side for item, side in sides(second).items() if item in sides(first)} == sides(first)


def test_what_was_measured_with_once_is_never_trained_on_later(house: House) -> None:
    house.holds(picture("a"))
    asked = settled("a", "arts", arm=Arm.RANDOM)
    settle(house.engine, [asked])
    assert sides(house.freeze()) == {"a": "evaluation"}
    settle(house.engine, [settled("a", reason="withdrawn", arm=Arm.RANDOM, revision=1)], {"a": asked})
    assert sides(house.freeze()) == {"a": "evaluation"}


def test_an_item_of_the_random_arm_is_kept_back_until_it_has_its_label(house: House) -> None:
    house.holds(picture("a"), picture("b", content="the pixels of a"), picture("c"))
    assert sides(house.freeze(reserved=of_a)) == {"a": "excluded", "b": "excluded", "c": "train"}
    settle(house.engine, [settled("a", "arts", arm=Arm.RANDOM)])
    assert sides(house.freeze(reserved=of_a)) == {"a": "evaluation", "b": "excluded", "c": "train"}


def test_a_text_that_travels_by_reference_is_read_by_its_beginning(tmp_path: Path) -> None:
    house = House(empty_engine(), tmp_path, text_chars=4)
    there, other = (house.media.put(words.encode(), "text/plain") for words in ("many words", "other words"))
    house.holds(curated("a", text=None, media=there), curated("b", text=None, media=other))
    house.media.delete(other)
    settle(house.engine, [settled("a", "arts"), settled("b", "arts")])
    assert [row.text for row in house.freeze().rows] == ["many", None]


def test_what_was_withdrawn_is_in_no_later_snapshot(house: House) -> None:
    house.holds(curated("a"), picture("b"))
    settle(house.engine, [settled("a", "arts")])
    house.holds(withdrawn("a", 1), withdrawn("b", 1))
    assert sides(house.freeze()) == {}


def test_a_label_about_other_content_does_not_count(house: House) -> None:
    house.holds(curated("a", 1, "old"), curated("b", 1, "same"))
    settle(house.engine, [settled("a", "arts"), settled("b", "arts")])
    house.holds(curated("a", 2, "new"), curated("b", 2, "same"))
    assert sides(house.freeze()) == {"b": "train"}


def test_a_label_about_content_that_is_yet_to_come_waits_for_it(house: House) -> None:
    house.holds(curated("a", 1))
    settle(house.engine, [settled("a", "arts", version=2)])
    assert sides(house.freeze()) == {}


def test_a_class_that_a_task_no_longer_has_is_no_label(house: House) -> None:
    house.holds(curated("a"))
    settle(house.engine, [settled("a", "weather")])
    assert sides(house.freeze()) == {}


def test_what_people_wrote_about_a_medium_is_its_label(house: House) -> None:
    house.holds(picture("a", text=None))
    result = ({"type": "textarea", "value": {"text": ["a brown dog"]}}, {"type": "choices", "value": {}})
    settle(house.engine, [settled("a", task="captions", result=result)])
    [row] = house.freeze(TaskConfig(name="captions", kind="caption")).rows
    assert row.labels[0].labels == ("a brown dog",)


def test_only_allowed_licences_and_sources_are_frozen(tmp_path: Path) -> None:
    house = House(empty_engine(), tmp_path, licences=("CC0",), sources=("zoo",))
    named = (("a", "CC0", "zoo"), ("b", None, "zoo"), ("c", "CC0", ""))
    house.holds(*(picture(item, licence=licence, source=source) for item, licence, source in named), curated("d"))
    settle(house.engine, [settled("d", "arts")])
    assert sides(house.freeze()) == {"a": "train"}


def test_labelled_items_come_first_where_there_is_no_room_for_all(tmp_path: Path) -> None:
    house = House(empty_engine(), tmp_path, max_items=3)
    house.holds(*(picture(f"item-{number}") for number in range(50)), curated("said"))
    settle(house.engine, [settled("said", "arts")])
    first = house.freeze()
    assert (len(first.rows), "said" in sides(first)) == (3, True)
    assert house.freeze() == first


def test_the_order_of_the_database_does_not_matter(tmp_path: Path) -> None:
    names = set()
    for seed in range(3):
        house = House(empty_engine(), tmp_path, evaluation_share=0.5)
        items = [picture(f"item-{number}") for number in range(30)] + [curated(f"text-{n}") for n in range(10)]
        said = [settled(f"text-{number}", "arts", revision=7) for number in range(10)]
        for several in (items, said):
            random.Random(seed).shuffle(several)
        for item in items:
            house.holds(item)
        settle(house.engine, said)
        names.add(house.freeze().sha256)
    assert len(names) == 1


def test_a_frozen_snapshot_is_kept(house: House) -> None:
    house.holds(picture("a"))
    frozen = house.freeze()
    assert house.snapshots.get(frozen.sha256) == frozen

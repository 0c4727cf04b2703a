"""What models were trained on measures none, whatever is changed between two snapshots; nor does what is like it."""

from pathlib import Path
from typing import Any

import pytest

from annotation.tasks import TaskConfig
from schemas.annotations import Arm
from schemas.items import ItemCurated
from streams.errors import Unavailable
from tests.unit.trainers.snapshots.frozen import (
    TOPIC,
    House,
    curated,
    empty_engine,
    manifest,
    picture,
    row,
    settle,
    settled,
    sides,
    withdrawn,
)
from trainers.snapshots.config import SnapshotConfig
from trainers.snapshots.rows import Row, Split

TONE = TaskConfig(name="tone", labels=("good", "bad"))
LONG = "the quick brown fox jumps over the lazy dog while seven other animals sit by the river and watch it calmly"
NEAR = f"{LONG} today"


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(empty_engine(), tmp_path)


def says(house: House, *labels: str, **fields: Any) -> None:
    settle(house.engine, [settled(item, "arts", **fields) for item in labels])


def asked_for(*items: str) -> Any:
    """Reserved in this order."""
    return lambda row: items.index(row.item_id) / 10 if row.item_id in items else None


def from_now_on(house: House, **config: Any) -> None:
    house.config = SnapshotConfig.model_validate(config)


@pytest.mark.parametrize("now", [{"evaluation_share": 0.9}, {"evaluation_share": 0.9, "seed": 7}], ids=str)
def test_a_higher_share_or_another_seed_takes_no_item_out_of_training(house: House, now: dict[str, Any]) -> None:
    house.holds(*(picture(f"item-{number}") for number in range(20)))
    assert set(sides(house.freeze()).values()) == {"train"}
    from_now_on(house, **now)
    house.holds(*(picture(f"later-{number}") for number in range(20)))
    found = sides(house.freeze())
    assert {side for item, side in found.items() if item.startswith("item")} == {"train"}
    assert [side for item, side in found.items() if item.startswith("later")].count("evaluation") >= 10


def test_an_item_that_trained_one_task_never_measures_another_and_its_random_label_trains_nobody(house: House) -> None:
    house.holds(curated("a"), curated("b"))
    says(house, "a", "b")
    assert sides(house.freeze()) == {"a": "train", "b": "train"}
    settle(house.engine, [settled("a", "good", task="tone", arm=Arm.RANDOM)])
    assert sides(house.freeze(TOPIC, TONE)) == {"a": "excluded", "b": "train"}


def test_what_is_reserved_after_it_was_trained_on_stays_in_training_until_it_is_labelled(house: House) -> None:
    house.holds(picture("a"), picture("b"))
    house.freeze()
    assert sides(house.freeze(reserved=asked_for("a"))) == {"a": "train", "b": "train"}
    says(house, "a", arm=Arm.RANDOM)
    assert sides(house.freeze(reserved=asked_for("a"))) == {"a": "excluded", "b": "train"}


@pytest.mark.parametrize("content", [LONG, NEAR], ids=["the same", "nearly the same"])
def test_what_is_like_something_trained_on_never_measures_and_takes_nothing_out_of_training(
    house: House, content: str
) -> None:
    house.holds(curated("a", content=LONG))
    says(house, "a")
    house.freeze()
    house.holds(curated("b", content=content), curated("c", content=content))
    says(house, "b", arm=Arm.RANDOM)
    assert sides(house.freeze()) == {"a": "train", "b": "excluded"}
    says(house, "c")
    assert sides(house.freeze(reserved=asked_for("c"))) == {"a": "train", "b": "excluded", "c": "excluded"}


def test_what_is_spoilt_does_not_make_near_duplicates_of_those_on_either_side_of_it(house: House) -> None:
    between, beyond = f"{NEAR} again and", f"{NEAR} again and once more"
    house.holds(curated("a", content=LONG))
    says(house, "a")
    house.freeze()
    house.holds(curated("b", content=between), curated("c", content=beyond))
    says(house, "b", "c", arm=Arm.RANDOM)
    assert sides(house.freeze()) == {"a": "train", "b": "excluded", "c": "evaluation"}


def test_what_is_like_something_that_was_trained_on_and_lost_its_label_never_measures(house: House) -> None:
    house.holds(curated("a", content=LONG), curated("b", content=NEAR), curated("c"))
    said = settled("a", "arts")
    settle(house.engine, [said])
    house.freeze()
    settle(house.engine, [settled("a", reason="withdrawn", revision=1)], {"a": said})
    says(house, "b", "c", arm=Arm.RANDOM)
    assert sides(house.freeze()) == {"b": "excluded", "c": "evaluation"}


def test_what_was_trained_on_never_measures_under_another_name(house: House) -> None:
    house.holds(curated("a", content=LONG))
    says(house, "a")
    house.freeze()
    house.holds(withdrawn("a", 1), curated("b", content=LONG))
    says(house, "b", arm=Arm.RANDOM)
    assert sides(house.freeze()) == {"b": "excluded"}


def test_new_content_of_an_item_that_was_trained_on_never_measures(house: House) -> None:
    house.holds(picture("a", 1, "old"))
    house.freeze()
    house.holds(picture("a", 2, "new"))
    says(house, "a", arm=Arm.RANDOM, version=2)
    assert sides(house.freeze()) == {"a": "excluded"}


def test_an_item_that_older_code_trained_on_and_then_measured_with_does_neither_any_more(house: House) -> None:
    house.holds(picture("a"), picture("b"))
    house.freeze()
    house.snapshots.put(manifest(*(_measured(one) for one in house.freeze().rows if one.item_id == "a")))
    assert sides(house.freeze()) == {"a": "excluded", "b": "train"}


def test_whoever_freezes_while_another_snapshot_is_kept_begins_anew(house: House) -> None:
    house.holds(picture("a"))
    past = house.snapshots.past()
    house.snapshots.put(manifest(row("b")))
    with pytest.raises(Unavailable, match="anew"):
        house.snapshots.put(manifest(row("c")), past)
    assert [one.number for one in house.snapshots.list()] == [1]


def test_what_is_like_an_item_that_waits_for_its_first_label_is_not_trained_on(house: House) -> None:
    house.holds(curated("a", content=LONG), curated("b", content=NEAR), curated("c"))
    says(house, "b", "c")
    assert sides(house.freeze(reserved=asked_for("a"))) == {"b": "excluded", "c": "train"}
    says(house, "a", arm=Arm.RANDOM)
    assert sides(house.freeze(reserved=asked_for("a"))) == {"a": "evaluation", "b": "excluded", "c": "train"}


def test_a_text_that_travels_by_reference_is_waited_for_by_its_words(house: House) -> None:
    there = house.media.put(NEAR.encode(), "text/plain")
    house.holds(curated("a", text=None, media=there, content_sha256=there.sha256), curated("b", content=LONG))
    says(house, "b")
    assert sides(house.freeze(reserved=asked_for("a"))) == {"b": "excluded"}


def test_what_is_like_an_item_that_measured_and_lost_its_label_is_not_trained_on(house: House) -> None:
    house.holds(curated("a", content=LONG), curated("b", content=NEAR))
    asked = settled("a", "arts", arm=Arm.RANDOM)
    settle(house.engine, [asked])
    house.freeze()
    settle(house.engine, [settled("a", reason="withdrawn", arm=Arm.RANDOM, revision=1)], {"a": asked})
    says(house, "b")
    assert sides(house.freeze()) == {"b": "excluded"}


def test_where_more_wait_than_there_is_room_for_those_that_are_asked_about_first_are_heeded(house: House) -> None:
    from_now_on(house, max_reserved=1)
    house.holds(*_pairs_of("first", "second"))
    says(house, "like first", "like second")
    found = sides(house.freeze(reserved=asked_for("first", "second")))
    assert found == {"like first": "excluded", "like second": "train"}
    says(house, "first", "second", arm=Arm.RANDOM)
    found = sides(house.freeze(reserved=asked_for("first", "second")))
    assert (found["first"], found["second"]) == ("evaluation", "excluded")


def test_what_could_never_be_frozen_is_not_waited_for(house: House) -> None:
    from_now_on(house, licences=("CC0",))
    house.holds(curated("a", content=LONG), curated("b", content=NEAR, licence="CC0"))
    says(house, "b")
    assert sides(house.freeze(reserved=asked_for("a"))) == {"b": "train"}


def test_groups_are_places_in_the_snapshot_whatever_else_was_compared(house: House) -> None:
    house.holds(*_pairs_of("a", "z"))
    says(house, "like a", "like z")
    assert [one.group for one in house.freeze(reserved=asked_for("a", "z")).rows] == [0, 1]


def _measured(one: Row) -> Row:
    return row(one.item_id, "the pixels of a", split=Split.EVALUATION)


def _pairs_of(*names: str) -> list[ItemCurated]:
    """For each an item, and one that is nearly the same."""
    words = {name: f"{name} " * 20 for name in names}
    return [
        curated(item, content=content)
        for name, text in words.items()
        for item, content in ((name, text), (f"like {name}", f"{text} {name}"))
    ]

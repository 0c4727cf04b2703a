from typing import Any

import pytest

from annotation.selection.config import SelectionConfig
from annotation.selection.rules.witness import drawn, reserved
from annotation.tasks import TaskConfig
from infra.wiring.learning import kept_back
from schemas.items import Modality
from tests.unit.trainers.snapshots.frozen import row
from trainers.snapshots.rows import Row

SELECTION = SelectionConfig(random_share=0.3)
ITEMS = [f"item-{number}" for number in range(200)]


def task(name: str = "topic", **fields: Any) -> TaskConfig:
    return TaskConfig(name=name, labels=("arts", "news"), **fields)


def back(*tasks: TaskConfig, **fields: Any) -> set[str]:
    """Which of the items are kept back from training."""
    rows: list[Row] = [row(item_id, source="web", **fields) for item_id in ITEMS]
    return {one.item_id for one in rows if kept_back(tasks, SELECTION, one) is not None}


def asked_at_random(task_name: str) -> set[str]:
    """Those that the random arm of a task may ask about, by the rule of selection."""
    share = SELECTION.random_share
    return {item for item in ITEMS if reserved(drawn(SELECTION.seed, "default", task_name, item), share)}


def test_nothing_learns_from_what_the_random_arm_may_ask_about() -> None:
    assert back(task()) == asked_at_random("topic")
    assert 0.15 * len(ITEMS) < len(back(task())) < 0.45 * len(ITEMS)


def test_the_random_arm_asks_first_about_what_has_the_lowest_number_for_any_task() -> None:
    item = row("item-0", source="web")
    numbers = [drawn(SELECTION.seed, "default", name, "item-0") for name in ("topic", "tone")]
    everything = SelectionConfig(random_share=1.0)
    assert kept_back([task(), task("tone")], everything, item) == min(numbers)


def test_what_one_task_measures_with_trains_no_other_task() -> None:
    assert back(task(), task("tone")) == asked_at_random("topic") | asked_at_random("tone")


@pytest.mark.parametrize(
    "other", [{"modalities": (Modality.TEXT,)}, {"sources": ("scan",)}, {"tenant": "another"}], ids=str
)
def test_items_that_a_task_never_asks_about_are_free_to_learn_from(other: dict[str, Any]) -> None:
    assert back(task(**other)) == set()


def test_without_tasks_nothing_is_kept_back() -> None:
    assert back() == set()

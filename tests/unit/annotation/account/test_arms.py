from collections.abc import Collection

import numpy as np

from annotation.account.arms import arms_of
from models.labels.store import SettledLabel
from schemas.annotations import Arm


def label(item_id: str, arm: Arm, at_ms: int = 0, **more: object) -> SettledLabel:
    facts = {"labels": ("sport",), "version": 3, "trust": 0.9} | more
    return SettledLabel(
        "acme",
        item_id,
        "topic",
        result=(),
        arm=arm,
        annotators=1,
        agreement=None,
        revision=1,
        settled_at_ms=at_ms,
        **facts,  # type: ignore[arg-type]
    )


def vectors(item_ids: Collection[str]) -> dict[str, tuple[int, np.ndarray]]:
    return {item_id: (3, np.array([float(ord(item_id[0]))])) for item_id in item_ids if item_id != "unknown"}


def test_labels_go_to_their_arm_in_the_order_in_which_they_came() -> None:
    given = [label("a", Arm.ACTIVE, 20), label("b", Arm.ACTIVE, 10), label("r", Arm.RANDOM, 5)]
    arms = arms_of(given, vectors, 100, 0)
    assert arms.active.vectors[:, 0].tolist() == [ord("b"), ord("a")]
    assert arms.random.labels.tolist() == ["sport"]


def test_labels_of_another_version_than_the_vectors_take_no_part() -> None:
    assert len(arms_of([label("a", Arm.ACTIVE, version=2)], vectors, 100, 0).active) == 0


def test_items_without_a_vector_or_without_exactly_one_class_take_no_part() -> None:
    given = [label("unknown", Arm.RANDOM), label("b", Arm.RANDOM, labels=()), label("c", Arm.RANDOM, labels=("a", "b"))]
    assert len(arms_of(given, vectors, 100, 0).random) == 0


def test_of_a_long_active_arm_the_oldest_take_part_and_of_a_long_random_one_any() -> None:
    names = [chr(ord("a") + place) for place in range(20)]
    given = [label(name, arm, place) for arm in Arm for place, name in enumerate(names)]
    arms = arms_of(given, vectors, 10, 0)
    assert arms.active.vectors[:, 0].tolist() == [ord(name) for name in names[:10]]
    kept = arms.random.vectors[:, 0].tolist()
    assert len(kept) == 10
    assert kept == sorted(kept)
    assert kept != arms.active.vectors[:, 0].tolist()

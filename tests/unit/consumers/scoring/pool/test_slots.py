import numpy as np

from consumers.scoring.pool.nearness import Nearby
from consumers.scoring.pool.slots import NOBODY, Pool
from schemas.items import Modality

SOMEWHERE = np.ones(2, np.float32)


def filled(*names: str, capacity: int = 40) -> Pool:
    pool = Pool(2, capacity, 3)
    for name in names:
        pool.put(name, 1, Modality.TEXT, SOMEWHERE)
    return pool


def test_a_newer_version_takes_the_slot_of_the_older() -> None:
    pool = filled("a", "b")
    assert pool.put("a", 2, Modality.IMAGE, 2 * SOMEWHERE) == pool.slot("a") == 0
    assert (pool.versions[0], pool.modality(0), len(pool)) == (2, Modality.IMAGE, 2)


def test_a_slot_that_was_left_is_another_items_and_says_so() -> None:
    pool = filled("a", "b")
    before = int(pool.arrived[0])
    pool.remove_slots([0])
    assert pool.put("c", 1, Modality.TEXT, SOMEWHERE) == 0
    assert (pool.slot("a"), pool.arrived[0] > before) == (None, True)


def test_edges_to_an_item_that_left_are_gone() -> None:
    pool = filled("a", "b", "c")
    pool.link(0, Nearby(("b", "c", "unknown"), (0.1, 0.2, 0.3)))
    pool.remove_slots([1])
    near, far = pool.edges()
    assert near[0].tolist() == [2, NOBODY, NOBODY]
    assert far[0].tolist() == [0.2, np.inf, np.inf]


def test_nobody_leaves_while_there_is_room() -> None:
    pool = filled(*(f"item-{n}" for n in range(38)))
    assert len(pool.crowded_out(["new-0", "new-1", "item-3"])) == 0


def test_the_oldest_leave_first_and_some_at_once() -> None:
    pool = filled(*(f"item-{n}" for n in range(40)))
    assert pool.crowded_out(["new"]).tolist() == [0, 1]
    assert pool.crowded_out([f"new-{n}" for n in range(5)]).tolist() == [0, 1, 2, 3, 4]


def test_items_with_a_label_leave_last() -> None:
    pool = filled(*(f"item-{n}" for n in range(40)))
    pool.kept[:3] = True
    assert pool.crowded_out(["new"]).tolist() == [3, 4]


def test_only_later_measurements_count() -> None:
    pool = filled("a")
    assert [pool.measure(0, 0.5, 100, 2), pool.measure(0, 0.7, 100, 1), pool.measure(0, 0.9, 200, 1)] == [
        True,
        False,
        True,
    ]
    assert pool.signals[0] == 0.9

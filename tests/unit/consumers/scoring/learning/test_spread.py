import numpy as np

from consumers.scoring.learning.spread import Spread
from consumers.scoring.pool.exact import near_in_pool
from consumers.scoring.pool.slots import Pool
from models.neighbours.config import NeighbourConfig
from schemas.items import Modality
from tests.unit.consumers.scoring.builders import DIM, around

LABELS = {"east-0": ("east", 1.0), "north-0": ("north", 1.0)}
CLASSES = ("east", "north")


def linked(pool: Pool, *names: str) -> None:
    slots = pool.slots_of(names)
    for slot, nearby in zip(slots, near_in_pool(pool, slots, 5), strict=True):
        pool.link(int(slot), nearby)


def two_groups() -> Pool:
    pool = Pool(DIM, 100, 5)
    names = []
    for place, name in enumerate(("east", "north")):
        for n, vector in enumerate(around(place, 12, seed=place)):
            pool.put(f"{name}-{n}", 1, Modality.TEXT, vector)
            names.append(f"{name}-{n}")
    linked(pool, *names)
    return pool


def spread_over(pool: Pool) -> Spread:
    spread = Spread(NeighbourConfig(neighbours=5))
    spread.refresh(pool, LABELS, CLASSES)
    return spread


def said(spread: Spread, pool: Pool, name: str, classes: tuple[str, ...] = CLASSES) -> list[float]:
    flat = np.full((1, len(classes)), 1 / len(classes))
    return list(spread.mixed(pool, pool.slots_of([name]), classes, flat)[0])


def test_one_label_speaks_for_the_items_around_it() -> None:
    pool = two_groups()
    spread = spread_over(pool)
    assert said(spread, pool, "east-7")[0] > 0.7
    assert said(spread, pool, "north-7")[1] > 0.7


def test_an_item_that_came_since_hears_from_its_neighbours() -> None:
    pool = two_groups()
    spread = spread_over(pool)
    pool.put("new", 1, Modality.TEXT, around(1, 1, seed=9)[0])
    linked(pool, "new")
    assert said(spread, pool, "new")[1] > 0.7


def test_an_item_in_the_slot_of_another_does_not_inherit_its_labels() -> None:
    pool = two_groups()
    spread = spread_over(pool)
    slot = pool.slot("east-3")
    assert slot is not None
    pool.remove_slots([slot])
    assert pool.put("stranger", 1, Modality.TEXT, around(5, 1)[0]) == slot
    assert said(spread, pool, "stranger") == [0.5, 0.5]
    spread.refresh(pool, LABELS, CLASSES)
    assert said(spread, pool, "stranger") == [0.5, 0.5]


def test_before_labels_were_spread_the_head_speaks_alone() -> None:
    pool = two_groups()
    assert said(Spread(NeighbourConfig()), pool, "east-1") == [0.5, 0.5]


def test_a_class_that_is_new_finds_its_place_among_the_others() -> None:
    pool = two_groups()
    spread = spread_over(pool)
    classes = ("east", "middle", "north")
    spread.refresh(pool, LABELS | {"north-5": ("middle", 1.0)}, classes)
    assert said(spread, pool, "east-7", classes)[0] > 0.6
    assert said(spread, pool, "north-7", classes)[1] > 0.3


def test_labels_that_were_spread_before_any_item_was_known_say_nothing() -> None:
    pool = Pool(DIM, 100, 5)
    spread = spread_over(pool)
    pool.put("first", 1, Modality.TEXT, around(0, 1)[0])
    assert said(spread, pool, "first") == [0.5, 0.5]

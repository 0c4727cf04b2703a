"""A worker's collector leaves the facts in hand alone, but still ends what refers to itself."""

import gc
from collections.abc import Iterator
from weakref import ref

import pytest

from infra.worker.memory import NEW_OBJECTS, look_for_cycles_seldom


class Knot:
    """Refers to itself."""

    def __init__(self) -> None:
        self.self = self


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_what_a_micro_batch_makes_does_not_set_off_the_collector() -> None:
    look_for_cycles_seldom()
    before = gc.get_stats()[0]["collections"]
    facts = [[number] for number in range(NEW_OBJECTS // 2)]
    assert gc.get_stats()[0]["collections"] == before
    assert facts


def test_cycles_made_later_still_end() -> None:
    look_for_cycles_seldom()
    knot = ref(Knot())
    more = [[number] for number in range(2 * NEW_OBJECTS)]
    assert knot() is None
    assert more

from collections.abc import Iterator
from threading import Barrier

import pytest

from streams.publishing import ahead
from streams.publishing.ahead import in_order


def squared(number: int) -> int:
    return number * number


@pytest.mark.parametrize("at_once", [1, 4])
def test_results_come_in_the_order_of_their_inputs(at_once: int) -> None:
    assert list(in_order(range(100), squared, lambda _: 1, at_once)) == [(n, n * n) for n in range(100)]


def test_inputs_are_worked_on_at_once() -> None:
    meeting = Barrier(4, timeout=30)
    assert len(list(in_order(range(4), lambda _: meeting.wait(), lambda _: 1, 4))) == 4


def test_no_more_bytes_are_under_way_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MAX_WEIGHT", 10)
    taken: list[int] = []

    def inputs() -> Iterator[int]:
        for number in range(6):
            taken.append(number)
            yield number

    next(iter(in_order(inputs(), squared, lambda _: 5, 4)))
    assert taken == [0, 1, 2]


def test_an_input_beyond_the_bound_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "MAX_WEIGHT", 10)
    assert [result for _, result in in_order([1, 2], squared, lambda _: 100, 4)] == [1, 4]


def test_an_error_comes_in_its_turn() -> None:
    results = in_order([1, 0, 2], lambda number: 1 // number, lambda _: 1, 4)
    assert next(results) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        next(results)

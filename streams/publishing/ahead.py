"""Works on several inputs at once and hands the results on in their order, within a bound of bytes in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")

MAX_WEIGHT = 128 * 2**20
"""Bytes that may be under way; a single input may exceed it alone."""


def in_order(
    inputs: Iterable[In], work: Callable[[In], Out], weight_of: Callable[[In], int], at_once: int
) -> Iterator[tuple[In, Out]]:
    """Each input with its result. Inputs are taken by the calling thread; an error of `work` comes in its turn."""
    if at_once <= 1:
        yield from ((one, work(one)) for one in inputs)
        return
    under_way: deque[tuple[In, Future[Out]]] = deque()
    weight = 0
    pool = ThreadPoolExecutor(at_once, thread_name_prefix="ahead")
    try:
        for one in inputs:
            while under_way and (len(under_way) >= 2 * at_once or weight + weight_of(one) > MAX_WEIGHT):
                first, future = under_way.popleft()
                yield first, future.result()
                weight -= weight_of(first)
            under_way.append((one, pool.submit(work, one)))
            weight += weight_of(one)
        while under_way:
            first, future = under_way.popleft()
            yield first, future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)

"""Walks over a space, a step at a time, and searches come first.

In process the engine holds the interpreter during a step, and a search needs it many times over. So steps are short,
and each is followed by a rest that is longer than itself.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from models.vector_index.port import Counted, Held, VectorIndex

T = TypeVar("T")

STEP = 100
"""Items that one step brings, in about a millisecond."""
STEP_WITH_VECTORS = 40
"""In two."""
REST = 2.0
"""Times the length of a step."""
LONGEST_REST_S = 0.01
"""A server that answers from elsewhere holds nothing up."""


def counted(index: VectorIndex, model_version: str) -> Iterator[Counted]:
    """All items of a space, in the order of their places."""
    after = None
    while True:
        census = considerately(partial(index.census, model_version, STEP, after))
        yield from census.items
        if (after := census.after) is None:
            return


def pages(index: VectorIndex, tenant: str, model_version: str) -> Iterator[Sequence[Held]]:
    """All items of a tenant with their vectors, some at a time."""
    after = None
    while True:
        page = considerately(partial(index.scroll, tenant, model_version, STEP_WITH_VECTORS, after))
        yield page.items
        if (after := page.after) is None:
            return


def considerately(step: Callable[[], T]) -> T:
    """A step, and the rest after it."""
    began = time.perf_counter()
    found = step()
    time.sleep(min(LONGEST_REST_S, REST * (time.perf_counter() - began)))
    return found

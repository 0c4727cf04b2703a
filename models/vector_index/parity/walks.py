"""Walks over a space, a step at a time."""

from collections.abc import Iterator, Sequence

from models.vector_index.port import Counted, Held, VectorIndex

STEP = 250
"""Items that one step brings. In process searches wait for it: 3 ms."""
STEP_WITH_VECTORS = 100
"""5 ms."""


def counted(index: VectorIndex, model_version: str) -> Iterator[Counted]:
    """All items of a space, in the order of their places."""
    after = None
    while True:
        census = index.census(model_version, STEP, after)
        yield from census.items
        if (after := census.after) is None:
            return


def pages(index: VectorIndex, tenant: str, model_version: str) -> Iterator[Sequence[Held]]:
    """All items of a tenant with their vectors, some at a time."""
    after = None
    while True:
        page = index.scroll(tenant, model_version, STEP_WITH_VECTORS, after)
        yield page.items
        if (after := page.after) is None:
            return

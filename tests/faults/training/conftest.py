"""Ranks that start at once."""

from collections.abc import Iterator

import pytest

from tests.faults.training.hammer import Hammer
from tests.integration.trainers.loop.nursery import Nursery


@pytest.fixture(scope="module")
def hammer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hammer]:
    folder = tmp_path_factory.mktemp("hammer")
    with Nursery(folder / "log") as nursery:
        yield Hammer(nursery, folder, seed=5)

"""Ranks that start at once, and folders for them."""

from collections.abc import Iterator

import pytest

from tests.integration.trainers.loop.nursery import Nursery


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery(tmp_path_factory.mktemp("nursery") / "log") as nursery:
        yield nursery

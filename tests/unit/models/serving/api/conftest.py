from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.unit.models.serving.api.parts import House, house, talking


@pytest.fixture
def mill(tmp_path: Path) -> House:
    return house(tmp_path)


@pytest.fixture
def client(mill: House) -> Iterator[TestClient]:
    with talking(mill) as client:
        yield client

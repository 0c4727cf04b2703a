"""The API behind real sockets."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from models.serving.api.server import ApiServer
from models.vector_index.edge import EdgeVectorIndex
from tests.integration.models.serving.api.edge_house import EdgeHouse


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[EdgeHouse]:
    with closing(EdgeVectorIndex.open(tmp_path / "index")) as index:
        yield EdgeHouse(tmp_path, index)


@pytest.fixture
def server(mill: EdgeHouse) -> Iterator[ApiServer]:
    server = ApiServer(mill.house.app, "127.0.0.1", 0)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: ApiServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        yield client

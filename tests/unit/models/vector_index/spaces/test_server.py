"""A collection for each space, on qdrant-client's own engine in this process."""

import warnings
from collections.abc import Callable, Iterator

import pytest
from qdrant_client import QdrantClient

from models.vector_index.config import VectorIndexConfig
from models.vector_index.port import VectorIndex
from models.vector_index.server.ground import ServerGround
from models.vector_index.spaces import VectorSpaces
from models.vector_index.spaces.port import Ground
from tests.contract.indexed import SPACE
from tests.contract.spaced import VectorSpacesContract
from tests.contract.vector_index import VectorIndexContract


class Kept(ServerGround):
    """Local mode ends with its client; a server does not."""

    def close(self) -> None: ...


@pytest.fixture(autouse=True, scope="module")
def _local_mode_has_no_payload_indexes() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect")
        yield


@pytest.fixture
def make() -> Iterator[Callable[[], Ground]]:
    client = QdrantClient(":memory:")
    client.create_collection("somebody-elses", vectors_config={})
    yield lambda: Kept(client, VectorIndexConfig())
    client.close()


@pytest.fixture(scope="module")
def index() -> Iterator[VectorIndex]:
    spaces = VectorSpaces(ServerGround(QdrantClient(":memory:"), VectorIndexConfig()), lambda: SPACE)
    yield spaces
    spaces.close()


class TestSpacesOnLocalMode(VectorSpacesContract):
    drops = 1


class TestIndexOnLocalMode(VectorIndexContract):
    deliveries = 4

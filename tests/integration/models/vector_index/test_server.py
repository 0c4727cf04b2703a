"""A real Qdrant server, where MILLRACE_TEST_QDRANT_URL (and MILLRACE_TEST_QDRANT_API_KEY) names one."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from qdrant_client import QdrantClient

from models.vector_index.config import VectorIndexConfig
from models.vector_index.port import Entry, VectorIndex
from models.vector_index.server import ServerVectorIndex
from streams.errors import Unavailable
from tests.contract.vector_index import VectorIndexContract, texts

URL, API_KEY = "MILLRACE_TEST_QDRANT_URL", "MILLRACE_TEST_QDRANT_API_KEY"


@pytest.fixture(scope="module")
def index() -> Iterator[VectorIndex]:
    if not (url := os.environ.get(URL)):
        pytest.skip(f"no Qdrant server: name one in {URL}; the same suite runs on local mode and on Edge")
    config = VectorIndexConfig.model_validate(
        {"url": url, "api_key": os.environ.get(API_KEY), "collection": f"millrace-test-{uuid4().hex[:12]}"}
    )
    index = ServerVectorIndex.connect(config)
    yield index
    index.close()
    QdrantClient(url=url, api_key=os.environ.get(API_KEY)).delete_collection(config.collection)


class TestServer(VectorIndexContract):
    deliveries = 30


def test_a_server_that_is_not_there_is_unavailable() -> None:
    index = ServerVectorIndex.connect(VectorIndexConfig(url="http://127.0.0.1:1"))
    with pytest.raises(Unavailable, match="does not answer"):
        index.apply([Entry("t", "mill", 1, texts("mill"))])
    assert "does not answer" in str(index.ready())

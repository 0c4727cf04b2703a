"""A real Qdrant server, where MILLRACE_TEST_QDRANT_URL (and MILLRACE_TEST_QDRANT_API_KEY) names one."""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from qdrant_client import QdrantClient

from models.vector_index.config import VectorIndexConfig
from models.vector_index.port import VectorIndex
from models.vector_index.server import ServerVectorIndex
from tests.contract.vector_index import VectorIndexContract

URL, API_KEY = "MILLRACE_TEST_QDRANT_URL", "MILLRACE_TEST_QDRANT_API_KEY"


if URL not in os.environ:
    pytest.skip(
        f"no Qdrant server: name one in {URL}; the same suite runs on local mode and on Edge", allow_module_level=True
    )


@pytest.fixture(scope="module")
def index() -> Iterator[VectorIndex]:
    url = os.environ[URL]
    config = VectorIndexConfig.model_validate(
        {"url": url, "api_key": os.environ.get(API_KEY), "collection": f"millrace-test-{uuid4().hex[:12]}"}
    )
    index = ServerVectorIndex.connect(config)
    yield index
    index.close()
    QdrantClient(url=url, api_key=os.environ.get(API_KEY)).delete_collection(config.collection)


class TestServer(VectorIndexContract):
    deliveries = 30

import pytest

from models.vector_index.config import VectorIndexConfig
from models.vector_index.port import Entry
from models.vector_index.server import ServerVectorIndex
from streams.errors import Unavailable
from tests.contract.vector_index import texts


def test_a_server_that_is_not_there_is_unavailable() -> None:
    index = ServerVectorIndex.connect(VectorIndexConfig(url="http://127.0.0.1:1"))
    with pytest.raises(Unavailable, match="does not answer"):
        index.apply([Entry("t", "mill", 1, texts("mill"))])
    assert "does not answer" in str(index.ready())

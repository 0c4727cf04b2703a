"""A vector index without a server or a folder: qdrant-client's own engine, slow but quick to start. For unit tests."""

import warnings
from collections.abc import Callable, Sequence

from qdrant_client import QdrantClient

from models.vector_index.config import VectorIndexConfig
from models.vector_index.server import ServerVectorIndex
from models.vector_index.server.ground import ServerGround
from models.vector_index.spaces import VectorSpaces


def prepared(index: ServerVectorIndex) -> ServerVectorIndex:
    """The index with its collection made; local mode warns that it ignores payload indexes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect")
        assert index.ready() is None
    return index


def local_index() -> ServerVectorIndex:
    """An empty index of its own."""
    return prepared(ServerVectorIndex(QdrantClient(":memory:"), VectorIndexConfig()))


def local_spaces(written: Callable[[], Sequence[str]]) -> VectorSpaces:
    """Spaces side by side, of which those named are wanted; the first one serves."""
    ground = ServerGround(QdrantClient(":memory:"), VectorIndexConfig())
    spaces = VectorSpaces(ground, lambda: written()[0], written)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Payload indexes have no effect")
        for model_version in written():
            spaces.open(model_version)
    return spaces

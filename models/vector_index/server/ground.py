"""The spaces of all model versions on a Qdrant server: a collection each, `<collection>-<space>`."""

from typing import Self

from qdrant_client import QdrantClient

from models.vector_index.config import VectorIndexConfig
from models.vector_index.points import space_of
from models.vector_index.port import VectorIndex
from models.vector_index.server.client import client_of, server_errors
from models.vector_index.server.index import ServerVectorIndex

VERSION = "millrace_model_version"
"""Metadata of a collection: the model version whose space it is, as the name may be shortened."""


class ServerGround:
    """Several processes may use it at once, each with one client for all spaces."""

    def __init__(self, client: QdrantClient, config: VectorIndexConfig) -> None:
        self._client = client
        self._config = config

    @classmethod
    def connect(cls, config: VectorIndexConfig) -> Self:
        """Nothing is sent before the first use. Raises Misconfigured without an address."""
        return cls(client_of(config), config)

    def found(self) -> tuple[str, ...]:
        with server_errors(self._config):
            names = [one.name for one in self._client.get_collections().collections]
            kept = [self._client.get_collection(name).config.metadata or {} for name in names if self._is_ours(name)]
        return tuple(sorted(str(metadata[VERSION]) for metadata in kept if VERSION in metadata))

    def holds(self, model_version: str) -> bool:
        with server_errors(self._config):
            return self._client.collection_exists(self._name(model_version))

    def open(self, model_version: str) -> VectorIndex:
        own = self._config.model_copy(update={"collection": self._name(model_version)})
        index = _Borrowing(self._client, own, {VERSION: model_version})
        index.prepare()
        return index

    def remove(self, model_version: str) -> None:
        with server_errors(self._config):
            self._client.delete_collection(self._name(model_version))

    def close(self) -> None:
        self._client.close()

    def _is_ours(self, name: str) -> bool:
        return name.startswith(f"{self._config.collection}-v-")

    def _name(self, model_version: str) -> str:
        return f"{self._config.collection}-{space_of(model_version)}"


class _Borrowing(ServerVectorIndex):
    """One space; its client serves the others as well and is closed with them."""

    def close(self) -> None:
        """Nothing of its own to let go."""

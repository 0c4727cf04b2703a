"""The adapter for a Qdrant server, on qdrant-client's own engine in this process."""

from collections.abc import Callable, Iterable, Iterator

import pytest
from qdrant_client import QdrantClient

from models.vector_index.config import VectorIndexConfig
from models.vector_index.plan import Key
from models.vector_index.port import Applied, Entry, Head, IndexQuery, VectorIndex
from models.vector_index.server import ServerVectorIndex
from streams.errors import Misconfigured
from tests.contract.local_index import local_index, prepared
from tests.contract.vector_index import DIM, SPACE, VectorIndexContract, texts


@pytest.fixture(scope="module")
def index() -> Iterator[VectorIndex]:
    index = local_index()
    yield index
    index.close()


class TestServerAdapterOnLocalMode(VectorIndexContract):
    deliveries = 8


class Overtaken(ServerVectorIndex):
    """A writer that lost its partitions: between its reading and its writing another one writes."""

    meanwhile: Callable[[], object]

    def _heads(self, keys: Iterable[Key]) -> dict[Key, Head]:
        heads = super()._heads(keys)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return heads


@pytest.fixture
def writers() -> Iterator[tuple[Overtaken, ServerVectorIndex]]:
    client = QdrantClient(":memory:")
    slow, quick = Overtaken(client, VectorIndexConfig()), ServerVectorIndex(client, VectorIndexConfig())
    slow.meanwhile = lambda: None
    prepared(slow)
    prepared(quick)
    assert slow.ensure_space(SPACE, DIM) == quick.ensure_space(SPACE, DIM)
    yield slow, quick
    client.close()


def words_found(index: VectorIndex, text: str) -> list[int]:
    return [found.version for found in index.search(IndexQuery("t", SPACE, 10, text=text))]


def test_a_writer_that_was_overtaken_does_not_overwrite_the_newer_version(
    writers: tuple[Overtaken, ServerVectorIndex],
) -> None:
    slow, quick = writers
    slow.meanwhile = lambda: quick.apply([Entry("t", "mill", 2, texts("new"))])
    slow.apply([Entry("t", "mill", 1, texts("old"))])
    assert (words_found(quick, "old"), words_found(quick, "new")) == ([], [2])


def test_parts_that_an_overtaken_writer_leaves_behind_are_not_found(
    writers: tuple[Overtaken, ServerVectorIndex],
) -> None:
    slow, quick = writers
    slow.meanwhile = lambda: quick.apply([Entry("t", "mill", 2, texts("new"))])
    slow.apply([Entry("t", "mill", 1, texts("old a", "old b", "old c"))])
    assert words_found(quick, "old") == []


def test_a_late_writer_cannot_undo_a_withdrawal_it_has_not_seen(
    writers: tuple[Overtaken, ServerVectorIndex],
) -> None:
    slow, quick = writers
    slow.meanwhile = lambda: quick.apply([Entry("t", "mill", 2, None)])
    slow.apply([Entry("t", "mill", 1, texts("old a", "old b"))])
    assert words_found(quick, "old") == []
    assert quick.apply([Entry("t", "mill", 1, texts("old a"))]) == [Applied.STALE]


def test_a_server_needs_an_address() -> None:
    with pytest.raises(Misconfigured, match="url"):
        ServerVectorIndex.connect(VectorIndexConfig())

"""Qdrant Edge, the real engine, in a folder."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from models.vector_index.config import VectorIndexConfig
from models.vector_index.edge import EdgeVectorIndex
from models.vector_index.port import Applied, Entry, IndexQuery, VectorIndex
from streams.errors import Misconfigured, Unavailable
from tests.contract.vector_index import DIM, EAST, SPACE, VectorIndexContract, direction, ids, texts


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    index = EdgeVectorIndex.open(tmp_path_factory.mktemp("edge") / "index")
    yield index
    index.close()


class TestEdge(VectorIndexContract):
    deliveries = 150


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


def opened(folder: Path, **config: Any) -> EdgeVectorIndex:
    index = EdgeVectorIndex.open(folder, VectorIndexConfig(**config))
    index.ensure_space(SPACE, DIM)
    return index


def found(index: VectorIndex, text: str, limit: int = 10) -> list[str]:
    return ids(index.search(IndexQuery("t", SPACE, limit, text=text)))


def test_what_was_written_is_there_after_closing_and_opening(folder: Path) -> None:
    with closing(opened(folder)) as index:
        index.apply([Entry("t", "mill", 2, texts("mill")), Entry("t", "race", 3, None)])
    with closing(EdgeVectorIndex.open(folder)) as index:
        assert found(index, "mill") == ["mill"]
        assert ids(index.search(IndexQuery("t", SPACE, 10, vector=direction(*EAST)))) == ["mill"]
        assert index.apply([Entry("t", "race", 1, texts("race"))]) == [Applied.STALE]
        assert index.ensure_space(SPACE, DIM + 1) == DIM


WRITER = """
import sys, itertools
from pathlib import Path
from models.vector_index.edge import EdgeVectorIndex
from models.vector_index.port import Entry
from tests.contract.vector_index import DIM, SPACE, texts
index = EdgeVectorIndex.open(Path(sys.argv[1]))
index.ensure_space(SPACE, DIM)
for batch in itertools.count():
    index.apply([Entry("t", f"item-{batch}-{n}", batch, texts(f"b{batch}", "second")) for n in range(20)])
    print(batch, flush=True)
"""


def test_nothing_that_was_acknowledged_is_lost_when_the_process_is_killed(folder: Path) -> None:
    acknowledged = -1
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(10)]
        writer.kill()
        acknowledged = max(acknowledged, *(int(line) for line in [*lines, *writer.stdout.read().split()]))
        writer.wait(timeout=30)
        writer.stdout.close()
    with closing(EdgeVectorIndex.open(folder)) as index:
        assert all(len(found(index, f"b{batch}", 100)) == 20 for batch in range(acknowledged + 1))
        assert index.count() in (20 * (acknowledged + 1), 20 * (acknowledged + 2))


def test_a_second_owner_is_refused_with_the_reason(folder: Path) -> None:
    with closing(opened(folder)), pytest.raises(Misconfigured, match="another process"):
        EdgeVectorIndex.open(folder)


def test_a_damaged_index_is_refused_with_the_way_out(folder: Path) -> None:
    opened(folder).close()
    for state in folder.glob("segments/*/segment.json"):
        state.write_bytes(b"\0garbage")
    with pytest.raises(Misconfigured, match=r"remove the folder and run `millrace replay indexing"):
        EdgeVectorIndex.open(folder)


def test_an_index_that_was_only_begun_when_the_process_died_is_made_anew(folder: Path) -> None:
    begun = folder.with_name("index.begun")
    begun.mkdir()
    (begun / "edge_config.json").write_text("half")
    opened(folder).close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Misconfigured, match="cannot be opened"):
        EdgeVectorIndex.open(tmp_path / "file" / "index")


def test_nearly_no_disk_stops_writing_but_not_searching(folder: Path) -> None:
    free_mb = 1000
    index = EdgeVectorIndex.open(folder, VectorIndexConfig(min_free_mb=100), free=lambda _: free_mb * 2**20)
    with closing(index):
        index.ensure_space(SPACE, DIM)
        index.apply([Entry("t", "mill", 1, texts("mill"))])
        free_mb = 99
        with pytest.raises(Unavailable, match="99 MB are free"):
            index.apply([Entry("t", "mill", 2, texts("race"))])
        assert "nearly full" in str(index.ready())
        assert found(index, "mill") == ["mill"]
        free_mb = 100
        assert index.ready() is None
        assert index.apply([Entry("t", "mill", 2, texts("race"))]) == [Applied.WRITTEN]


def test_a_closed_index_says_so(folder: Path) -> None:
    index = opened(folder)
    index.close()
    index.close()
    assert index.ready() == "the vector index is closed"
    with pytest.raises(Unavailable):
        index.search(IndexQuery("t", SPACE, 10, text="mill"))
    with pytest.raises(Unavailable):
        index.apply([Entry("t", "mill", 1, texts("mill"))])


def test_small_operations_and_frequent_flushes_change_nothing(folder: Path) -> None:
    with closing(opened(folder, operation_points=1, flush_points=2)) as index:
        index.apply([Entry("t", f"item-{n}", n, texts("mill", "race")) for n in range(10)])
        assert len(found(index, "race", 20)) == 10


def test_threads_search_while_another_writes(folder: Path) -> None:
    with closing(opened(folder)) as index, ThreadPoolExecutor(3) as threads:
        index.apply([Entry("t", f"item-{n}", 0, texts("mill")) for n in range(50)])
        written = threads.submit(
            lambda: [index.apply([Entry("t", f"item-{n}", v, texts("mill"))]) for v in range(1, 20) for n in range(50)]
        )
        answers = [threads.submit(lambda: [len(found(index, "mill", 50)) for _ in range(50)]) for _ in range(2)]
        assert all(set(answer.result(60)) == {50} for answer in answers)
        assert {applied for [applied] in written.result(60)} == {Applied.WRITTEN}

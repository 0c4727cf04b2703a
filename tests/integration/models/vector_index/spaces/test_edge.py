"""A folder for each space, on the real engine."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from models.vector_index.config import VectorIndexConfig
from models.vector_index.edge import EdgeVectorIndex
from models.vector_index.edge.folder import CONFIG_FILE
from models.vector_index.edge.ground import EdgeGround
from models.vector_index.port import Entry, VectorIndex
from models.vector_index.spaces import VectorSpaces
from models.vector_index.spaces.port import Ground
from streams.errors import Misconfigured
from tests.contract.indexed import DIM, SPACE, content, part
from tests.contract.spaced import BLUE, GREEN, VectorSpacesContract, Wanted, found, spaced, written
from tests.contract.vector_index import VectorIndexContract


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "index"


@pytest.fixture
def make(folder: Path) -> Callable[[], Ground]:
    return lambda: EdgeGround(folder)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VectorIndex]:
    folder = tmp_path_factory.mktemp("spaces") / "index"
    with closing(VectorSpaces.in_folder(folder, VectorIndexConfig(), lambda: SPACE)) as spaces:
        yield spaces


class TestSpacesInFolders(VectorSpacesContract):
    drops = 4


class TestIndexInFolders(VectorIndexContract):
    deliveries = 40


def test_an_index_of_an_earlier_release_is_taken_over(folder: Path) -> None:
    with closing(EdgeVectorIndex.open(folder)) as old:
        old.ensure_space(BLUE, DIM)
        old.apply([written("a", 1, BLUE), Entry("t", "b", 2, None)])
    for _ in range(2):
        with closing(VectorSpaces.in_folder(folder, VectorIndexConfig(), lambda: BLUE)) as spaces:
            assert spaces.spaces() == (BLUE,)
            assert found(spaces, BLUE) == {"a": 1}
            assert spaces.head("t", "b") is not None


def test_a_takeover_that_a_crash_cut_short_is_finished(folder: Path) -> None:
    with closing(EdgeVectorIndex.open(folder)) as old:
        old.ensure_space(BLUE, DIM)
        old.apply([written("a", 1, BLUE)])
    folder.rename(folder.with_name("index.moving"))
    with closing(VectorSpaces.in_folder(folder, VectorIndexConfig(), lambda: BLUE)) as spaces:
        assert found(spaces, BLUE) == {"a": 1}


def test_an_index_of_an_earlier_release_that_cannot_be_divided_is_refused_with_the_way_out(folder: Path) -> None:
    with closing(EdgeVectorIndex.open(folder)) as old:
        for space in (BLUE, GREEN):
            old.ensure_space(space, DIM)
        old.apply([Entry("t", "a", 1, content(part(), model_version=GREEN))])
    with pytest.raises(Misconfigured, match=r"millrace replay indexing --from beginning"):
        EdgeGround(folder)
    with closing(EdgeVectorIndex.open(folder)) as untouched:
        assert untouched.count() == 1


def test_an_old_index_beside_new_spaces_never_takes_them_with_it(folder: Path, make: Callable[[], Ground]) -> None:
    with closing(spaced(make(), Wanted(BLUE))) as spaces:
        spaces.ensure_space(BLUE, DIM)
        spaces.apply([written("a", 1, BLUE)])
    (folder / CONFIG_FILE).write_text("{}")
    with pytest.raises(Misconfigured, match="leave the folders v-"):
        make()
    (folder / CONFIG_FILE).unlink()
    with closing(spaced(make(), Wanted(BLUE))) as spaces:
        assert found(spaces, BLUE) == {"a": 1}


def test_an_older_release_refuses_a_folder_of_spaces(folder: Path, make: Callable[[], Ground]) -> None:
    with closing(spaced(make(), Wanted(BLUE))) as spaces:
        spaces.open(BLUE)
    with pytest.raises(Misconfigured, match="cannot be opened"):
        EdgeVectorIndex.open(folder)


def test_an_empty_index_of_an_earlier_release_gives_way(folder: Path) -> None:
    EdgeVectorIndex.open(folder).close()
    assert EdgeGround(folder).found() == ()


def test_a_removal_that_a_crash_cut_short_leaves_nothing(folder: Path, make: Callable[[], Ground]) -> None:
    wanted = Wanted(BLUE, GREEN)
    with closing(spaced(make(), wanted)) as spaces:
        spaces.open(GREEN)
    space = next(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    space.rename(space.with_name(f"{space.name}.gone"))
    with closing(spaced(make(), wanted)) as spaces:
        assert spaces.spaces() == ()
        assert not list(folder.glob("*.gone"))


def test_a_second_owner_is_refused_at_once(folder: Path) -> None:
    def opened() -> VectorSpaces:
        return VectorSpaces.in_folder(folder, VectorIndexConfig(), lambda: BLUE)

    with closing(opened()) as spaces:
        spaces.open(BLUE)
        with pytest.raises(Misconfigured, match="another process"):
            opened()

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.errors import Unavailable
from tests.unit.trainers.jobs.bench import Bench, made
from trainers.jobs.folders import alone, folder_of, tidy

ROOT = Path("root")


@given(st.text(min_size=1, max_size=512))
def test_every_job_has_a_folder_right_below_the_root(job_id: str) -> None:
    folder = folder_of(ROOT, job_id)
    assert folder.parent == ROOT
    assert folder.name not in ("", ".", "..")
    assert len(folder.name.encode()) < 128


@given(st.lists(st.text("ab./_-é\0", min_size=1, max_size=100), unique=True, min_size=2, max_size=2))
def test_no_two_jobs_share_a_folder(job_ids: list[str]) -> None:
    one, other = job_ids
    assert folder_of(ROOT, one) != folder_of(ROOT, other)


def test_a_plain_id_is_the_name_of_its_folder() -> None:
    assert folder_of(ROOT, "labels-0123.a_b").name == "labels-0123.a_b"


def test_one_at_a_time_works_in_a_folder(tmp_path: Path) -> None:
    with alone(tmp_path / "job"), pytest.raises(Unavailable), alone(tmp_path / "job"):
        raise AssertionError("two are in it")
    with alone(tmp_path / "job"):
        pass


class Yard:
    """Jobs, each with a folder."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.root = self.bench.work.folder

    def begin(self, name: str) -> None:
        folder_of(self.root, name).mkdir(parents=True)
        self.bench.ask(name)

    def end(self, name: str) -> None:
        self.begin(name)
        lease = self.bench.claimed()
        assert lease.job.job_id == name
        self.bench.registry.jobs.finish(lease, made(lease.job).model)

    def tidied(self, keep: int) -> set[str]:
        tidy(self.root, self.bench.registry.jobs.list(100), keep)
        return {folder.name for folder in self.root.iterdir()}


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    yard = Yard(tmp_path)
    yield yard
    yard.bench.engine.dispose()


def test_folders_of_the_latest_ended_jobs_stay(yard: Yard) -> None:
    for number in range(4):
        yard.end(f"job-{number}")
    assert len(yard.tidied(keep=2)) == 2
    assert yard.tidied(keep=0) == set()


def test_a_job_that_ended_without_a_folder_takes_nobodys_place(yard: Yard) -> None:
    yard.end("with")
    yard.bench.ask("without")
    assert yard.bench.registry.jobs.cancel("without")
    assert yard.tidied(keep=1) == {"with"}


def test_what_is_in_hand_or_will_be_taken_up_again_stays_however_old_it_is(yard: Yard) -> None:
    yard.begin("in-hand")
    yard.bench.claimed()
    for number in range(3):
        yard.end(f"job-{number}")
    yard.begin("given-back")
    yard.bench.registry.jobs.release(yard.bench.claimed())
    (yard.root / "of-nobody-we-know").mkdir()
    assert yard.tidied(keep=0) == {"in-hand", "given-back", "of-nobody-we-know"}


def test_a_folder_that_somebody_is_still_in_stays_until_he_has_left(yard: Yard) -> None:
    yard.end("job")
    with alone(folder_of(yard.root, "job")):
        assert yard.tidied(keep=0) == {"job"}
    assert yard.tidied(keep=0) == set()

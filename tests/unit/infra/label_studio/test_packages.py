import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.label_studio.checkup import label_studio
from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.packages import LabelStudioPackages, first_requirement
from infra.supervisor.doctor import Verdict
from streams.errors import Misconfigured


def lock_of(tmp_path: Path, text: str) -> LabelStudioPackages:
    lock = tmp_path / "lock.txt"
    lock.write_text(text)
    return LabelStudioPackages.locked(lock)


def test_the_lock_has_digests_for_every_package_and_names_no_registry() -> None:
    text = LabelStudioPackages.locked().lock_file.read_text()
    packages = re.findall(r"^(\S+)==\S+(?: ;[^\\]*)? \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(packages) == len(set(packages)) == len(re.findall("^[a-z]", text, re.MULTILINE)) > 100
    assert {"label-studio", "setuptools"} <= set(packages)
    assert "://" not in text


def test_another_lock_lives_in_another_folder(tmp_path: Path) -> None:
    first, second = lock_of(tmp_path, "a==1"), lock_of(tmp_path, "a==2")
    assert first.folder(tmp_path) != second.folder(tmp_path)


def test_what_is_installed_is_not_touched(tmp_path: Path) -> None:
    packages = lock_of(tmp_path, "nonsense")
    packages.empty_database(tmp_path).parent.mkdir()
    packages.empty_database(tmp_path).touch()
    told: list[str] = []
    packages.ensure(tmp_path, 1.0, told.append)
    assert told == []


def test_an_installation_that_fails_says_what_to_do_and_is_not_taken_for_done(tmp_path: Path) -> None:
    packages = lock_of(tmp_path, "./no-such-folder\n")
    with pytest.raises(Misconfigured, match=r"(?s)installing Label Studio failed.*label_studio\.url"):
        packages.ensure(tmp_path, 60.0)
    assert not packages.installed(tmp_path)


def test_a_cache_that_cannot_be_written_is_a_matter_of_settings(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(Misconfigured, match=r"cache_dir"):
        lock_of(tmp_path, "a==1").ensure(tmp_path / "cache", 1.0)


def test_two_that_start_at_once_do_not_install_twice(tmp_path: Path) -> None:
    """The second one waits until the first has finished, and finds everything there."""
    packages = lock_of(tmp_path, "nonsense")
    folder = packages.folder(tmp_path)
    folder.mkdir()
    hold = (
        "import fcntl, pathlib, sys, time; lock = open(sys.argv[1] + '/lock', 'w'); fcntl.flock(lock, fcntl.LOCK_EX);"
        "print('held', flush=True); time.sleep(0.5); pathlib.Path(sys.argv[1], 'empty.sqlite3').touch()"
    )
    with subprocess.Popen([sys.executable, "-c", hold, str(folder)], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        told: list[str] = []
        packages.ensure(tmp_path, 1.0, told.append)
    assert told == []


def test_a_requirement_is_taken_with_all_its_digests() -> None:
    lock = "a==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\nb==2 \\\n    --hash=sha256:cc\n"
    assert first_requirement(lock) == "a==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"


def test_an_empty_lock_is_refused() -> None:
    with pytest.raises(Misconfigured, match="empty"):
        first_requirement("# nothing\n")


def test_the_doctor_sees_what_is_installed(tmp_path: Path) -> None:
    database = LabelStudioPackages.locked().empty_database(tmp_path)
    database.parent.mkdir()
    database.touch()
    finding = label_studio(EmbeddedLabelStudioConfig(cache_dir=tmp_path))
    assert (finding.verdict, str(database.parent) in finding.detail) == (Verdict.OK, True)


@pytest.mark.parametrize(
    ("embedded", "tasks", "url", "wanted"),
    [
        (None, 0, None, False),
        (None, 1, None, True),
        (None, 1, "http://studio.example", False),
        (True, 0, None, True),
        (True, 1, "http://studio.example", False),
        (False, 1, None, False),
    ],
)
def test_it_is_started_where_something_is_labelled_and_no_other_is_named(
    embedded: bool | None, tasks: int, url: str | None, wanted: bool
) -> None:
    assert EmbeddedLabelStudioConfig(embedded=embedded).wanted(tasks, url) is wanted

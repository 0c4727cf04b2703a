import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.environment import environment, sourced, write_environment
from infra.label_studio.packages import LabelStudioPackages
from infra.label_studio.server import Access, LabelStudioServer
from streams.errors import Misconfigured, Unavailable


def prepared(tmp_path: Path) -> LabelStudioServer:
    """On packages that are a program which ends at once, and an empty database."""
    config = EmbeddedLabelStudioConfig(cache_dir=tmp_path / "cache")
    packages = LabelStudioPackages.locked()
    bin_dir = packages.folder(config.cache_dir) / "venv" / "bin"
    bin_dir.mkdir(parents=True)
    (bin_dir / "python").symlink_to(sys.executable)
    (bin_dir / "label-studio").write_text("import sys; print('gone', sys.argv[1:])")
    with closing(sqlite3.connect(packages.empty_database(config.cache_dir))) as database:
        database.execute("CREATE TABLE migrated (id)")
    server = LabelStudioServer(tmp_path / "data", 1, config)
    server.prepare()
    return server


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_token_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    file = tmp_path / "access.json"
    first = Access.kept_in(file)
    assert Access.kept_in(file) == first
    assert len(first.token) == 40
    assert mode(file) == 0o600


def test_two_folders_have_two_tokens(tmp_path: Path) -> None:
    assert Access.kept_in(tmp_path / "one").token != Access.kept_in(tmp_path / "two").token


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"token": "x"}'])
def test_a_damaged_file_of_access_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "access.json").write_text(text)
    with pytest.raises(Misconfigured, match=r"access\.json"):
        Access.kept_in(tmp_path / "access.json")


def test_secrets_stand_on_no_command_line(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    words = " ".join(server.command())
    assert server.access.token not in words
    assert server.access.password not in words
    assert mode(server.data_dir / "environment") == 0o600


def test_it_listens_on_the_loopback_only(tmp_path: Path) -> None:
    words = prepared(tmp_path).command()
    assert words[words.index("--internal-host") + 1] == "127.0.0.1"


def test_the_environment_arrives_as_it_was_written(tmp_path: Path) -> None:
    values = {"PLAIN": "a b", "QUOTED": 'it\'s "$HOME" `x` \\', "EMPTY": ""}
    write_environment(tmp_path / "environment", values)
    show = "import json, os; print(json.dumps({k: os.environ[k] for k in ('PLAIN', 'QUOTED', 'EMPTY')}))"
    command = sourced(tmp_path / "environment", [sys.executable, "-c", show])
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    assert eval(shown) == values


def test_nothing_is_reported_to_others_and_nobody_signs_up_uninvited(tmp_path: Path) -> None:
    values = environment(tmp_path)
    assert values["LABEL_STUDIO_COLLECT_ANALYTICS"] == "false"
    assert values["LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK"] == "true"
    assert values["LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED"] == "false"


def test_a_new_folder_gets_a_copy_of_the_empty_database(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    with closing(sqlite3.connect(server.data_dir / "label_studio.sqlite3")) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("migrated",)]
        assert database.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


def test_a_folder_in_use_keeps_its_database(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    with closing(sqlite3.connect(server.data_dir / "label_studio.sqlite3")) as database:
        database.execute("CREATE TABLE labels (id)")
    server.prepare()
    with closing(sqlite3.connect(server.data_dir / "label_studio.sqlite3")) as database:
        assert ("labels",) in database.execute("SELECT name FROM sqlite_master").fetchall()


def test_a_server_that_ends_while_it_starts_is_told_with_its_last_words(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    server.start()
    os.waitid(os.P_PID, server.pid or 0, os.WEXITED | os.WNOWAIT)
    with pytest.raises(Unavailable, match="gone"):
        server.wait_ready(30.0)


def test_the_supervisor_learns_command_port_and_log(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    spec = server.process_spec()
    assert (spec.command, dict(spec.ports), spec.log_file) == (tuple(server.command()), {"http": 1}, server.log_file)


def test_stopping_what_never_ran_is_no_error(tmp_path: Path) -> None:
    LabelStudioServer(tmp_path, 1).stop()

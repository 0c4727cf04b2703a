"""Whatever goes wrong, the demo stops what it started and says so in a sentence."""

import sys
from pathlib import Path

import pytest

from infra.demo import run
from infra.demo.run import Demo
from infra.settings import Settings
from streams.errors import MillraceError


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The file in which the first words of all commands end up; `up` fails."""
    file = tmp_path / "commands"
    code = "import sys; open(sys.argv[1], 'a').write(sys.argv[2] + ' '); sys.exit(sys.argv[2] == 'up')"
    monkeypatch.setattr(run, "own_command", lambda *words: (sys.executable, "-c", code, str(file), *words))
    return file


def test_a_start_that_fails_is_stopped_and_told_even_if_all_should_keep_running(commands: Path, tmp_path: Path) -> None:
    demo = Demo(Settings(), tmp_path, lambda _: None)
    with pytest.raises(MillraceError, match="`millrace up` did not work"), demo._running(keep=True):
        raise AssertionError("nothing was started")
    assert commands.read_text() == "up down "

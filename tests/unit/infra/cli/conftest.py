"""An installation for the commands to look at."""

from pathlib import Path

import pytest

from infra.settings import flags


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation in which nothing has run yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(flags, "assignments", [f"data_dir={tmp_path}"])
    return tmp_path

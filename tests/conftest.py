"""What every level of tests shares: real data beside the repository, and hypothesis without a stopwatch."""

import os
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

pytest_plugins = ["tests.studio"]

BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"

settings.register_profile("millrace", deadline=None, print_blob=True)  # no test asserts an absolute time
settings.load_profile("millrace")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shared-data", type=Path, default=BESIDE_THE_REPOSITORY, help="folder of real data (default: ../shared/data)"
    )
    parser.addoption("--long-faults", action="store_true", help="run the long form of the fault tests as well")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long_faults: takes minutes; runs with --long-faults only")


def missing(what: str) -> NoReturn:
    """Skips where a developer lacks something, fails where CI does: a missing part never turns CI green."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def shared_data(request: pytest.FixtureRequest) -> Path:
    """The folder of real data sets. It lies beside the repository and is never copied into it."""
    folder: Path = request.config.getoption("--shared-data")
    if not folder.is_dir():
        missing(f"no real data at {folder}; name the folder with --shared-data")
    return folder

"""A real Label Studio, started once a session."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from infra.label_studio.config import EmbeddedLabelStudioConfig
from infra.label_studio.packages import LabelStudioPackages
from infra.label_studio.server import LabelStudioServer
from infra.supervisor.ports import free_port
from streams.errors import Misconfigured


class Place(NamedTuple):
    """Where the server is, and its administrator's token."""

    url: str
    token: str


@pytest.fixture(scope="session")
def label_studio_packages() -> EmbeddedLabelStudioConfig:
    """Settings under which the packages are installed."""
    from tests.conftest import missing  # which names this module as a plug-in

    config = EmbeddedLabelStudioConfig()
    packages = LabelStudioPackages.locked()
    if not packages.installed(config.cache_dir):
        try:
            packages.try_download()
        except Misconfigured as error:
            missing(str(error))
        packages.ensure(config.cache_dir, config.install_timeout_s)
    return config


@pytest.fixture(scope="session")
def label_studio(
    label_studio_packages: EmbeddedLabelStudioConfig, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Shared by all tests: make projects of your own, with titles that nobody else takes."""
    server = LabelStudioServer(tmp_path_factory.mktemp("label-studio"), free_port(), label_studio_packages)
    server.start()
    try:
        server.wait_ready()
        yield Place(server.url, server.token)
    finally:
        server.stop()


@pytest.fixture(scope="session")
def client(label_studio: Place) -> Iterator[LabelStudio]:
    """Speaks as the administrator."""
    with LabelStudio(*label_studio) as studio:
        yield studio

"""A bridge for each test, and databases of the other kind."""

from pathlib import Path

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from tests.integration.annotation.bridge.house import House
from tests.integration.postgres import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
def house(client: LabelStudio, tmp_path: Path) -> House:
    return House(client, tmp_path)

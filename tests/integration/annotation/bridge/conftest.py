"""A bridge for each test."""

from pathlib import Path

import pytest

from annotation.label_studio.client.label_studio import LabelStudio
from tests.integration.annotation.bridge.house import House


@pytest.fixture
def house(client: LabelStudio, tmp_path: Path) -> House:
    return House(client, tmp_path)

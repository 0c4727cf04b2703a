"""The real Label Studio behind the bridge under test, and a proxy before it."""

from collections.abc import Iterator

import pytest

from tests.faults.bridge.proxy import Proxy
from tests.integration.annotation.conftest import Place, client, label_studio, label_studio_packages

__all__ = ["client", "label_studio", "label_studio_packages"]


@pytest.fixture
def proxy(label_studio: Place) -> Iterator[Proxy]:
    with Proxy(label_studio.url) as proxy:
        yield proxy

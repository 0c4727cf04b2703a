"""The real Label Studio behind the bridge under test, and a proxy before it."""

from collections.abc import Iterator

import pytest

from tests.faults.bridge.proxy import Proxy
from tests.studio import Place


@pytest.fixture
def proxy(label_studio: Place) -> Iterator[Proxy]:
    with Proxy(label_studio.url) as proxy:
        yield proxy

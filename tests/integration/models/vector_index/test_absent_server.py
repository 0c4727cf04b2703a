"""A Qdrant server that is not there, or that answers something else than Qdrant does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from models.vector_index.config import VectorIndexConfig
from models.vector_index.port import Entry
from models.vector_index.server import ServerVectorIndex
from streams.errors import Misconfigured, Unavailable
from tests.contract.vector_index import texts


@contextmanager
def answering(status: int) -> Iterator[str]:
    """Address of a server that answers everything with a status."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_is_not_there_is_unavailable() -> None:
    index = ServerVectorIndex.connect(VectorIndexConfig(url="http://127.0.0.1:1"))
    with pytest.raises(Unavailable, match="does not answer"):
        index.apply([Entry("t", "mill", 1, texts("mill"))])
    assert "does not answer" in str(index.ready())


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_names_the_setting(status: int) -> None:
    with answering(status) as url, pytest.raises(Misconfigured, match="api_key"):
        ServerVectorIndex.connect(VectorIndexConfig(url=url)).head("t", "mill")


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_in_trouble_is_unavailable(status: int) -> None:
    with answering(status) as url, pytest.raises(Unavailable, match="failed"):
        ServerVectorIndex.connect(VectorIndexConfig(url=url)).count()

"""The client of a Qdrant server, and its errors as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from models.vector_index.config import VectorIndexConfig
from streams.errors import Misconfigured, Unavailable

REFUSED = (401, 403)


def client_of(config: VectorIndexConfig) -> QdrantClient:
    """A client of the server at `config.url`; nothing is sent yet."""
    if config.url is None:
        raise Misconfigured("a Qdrant server needs index.url")
    key = config.api_key.get_secret_value() if config.api_key else None
    timeout_s = max(1, round(config.timeout_s))
    return QdrantClient(url=config.url, api_key=key, timeout=timeout_s, check_compatibility=False)


@contextmanager
def server_errors(config: VectorIndexConfig) -> Iterator[None]:
    """Turns what the client raises into our own."""
    where = f"the Qdrant server at {config.url}"
    try:
        yield
    except UnexpectedResponse as error:
        if error.status_code in REFUSED:
            raise Misconfigured(f"{where} refuses the key; set index.api_key") from error
        raise Unavailable(f"{where} failed: {error}") from error
    except (ResponseHandlingException, QdrantException) as error:
        raise Unavailable(f"{where} does not answer: {error}") from error

"""Opens the object store that a MediaConfig names, and says in our words what went wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from streams.errors import Misconfigured, Unavailable
from streams.media.config import MediaConfig

if TYPE_CHECKING:
    from obstore.store import ObjectStore

FOLDER = "media"
"""Every object lies below it. A local store makes it when it is opened: if it is gone later, so is the disk."""

REMOTE_SCHEMES = frozenset({"s3", "s3a", "gs", "az", "adl", "azure", "abfs", "abfss", "https"})


def open_backend(config: MediaConfig) -> "ObjectStore":
    """The store at `config.url`; a folder is created where it is missing. Raises Misconfigured."""
    url = urlparse(config.url)
    try:
        if url.scheme in REMOTE_SCHEMES:
            return from_url(config.url, **_remote_options(config))
        if url.scheme == "file" or "://" not in config.url:
            return _folder(Path(unquote(url.path) if url.scheme == "file" else config.url))
    except (BaseError, OSError, ValueError, TypeError) as error:
        raise Misconfigured(f"media.url = {config.url}: {brief(error)}") from error
    raise Misconfigured(f"media.url = {config.url}: not a folder, file://, s3://, gs:// or az:// address")


def require_presence(backend: "ObjectStore", url: str) -> None:
    """Raises Unavailable if the store gives no sign of life, or its bucket or folder is missing."""
    with answering(url):
        list(islice(backend.list(FOLDER, chunk_size=1), 1))
    require_disk(backend, url)


def require_disk(backend: "ObjectStore", url: str) -> None:
    """Raises Unavailable if a local store lost its folder; writing would quietly make it anew somewhere else."""
    if isinstance(backend, LocalStore) and backend.prefix and not (backend.prefix / FOLDER).is_dir():
        raise Unavailable(f"the media store {url} is not there; is its disk mounted?")


@contextmanager
def answering(url: str) -> Iterator[None]:
    """Turns every failure of the store, other than a missing object, into Unavailable."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise Unavailable(f"the media store {url} does not answer: {brief(error)}") from error


def brief(error: Exception) -> str:
    """The first sentence of an error, without the library's debug print."""
    return " ".join(str(error).split("Debug source")[0].split())[:300]


def _folder(path: Path) -> LocalStore:
    if path == Path():
        raise ValueError("empty; name a folder or an address")
    root = path.expanduser().absolute()
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    return LocalStore(root)


def _remote_options(config: MediaConfig) -> dict[str, Any]:
    secrets = {
        "access_key_id": config.access_key_id,
        "secret_access_key": config.secret_access_key,
        "session_token": config.session_token,
        **config.options,
    }
    chosen: dict[str, str] = {name: secret.get_secret_value() for name, secret in secrets.items() if secret}
    chosen |= {name: value for name in ("endpoint", "region") if (value := getattr(config, name))}
    return {
        "config": chosen,
        "client_options": {
            "allow_http": (config.endpoint or "").startswith("http://"),
            "timeout": timedelta(seconds=config.timeout_s),
        },
        "retry_config": {
            "max_retries": config.max_retries,
            "retry_timeout": timedelta(seconds=config.timeout_s * (config.max_retries + 1)),
        },
    }

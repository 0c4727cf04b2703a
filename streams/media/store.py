"""The media store: bytes go in, a reference comes out, and the reference brings back those bytes or none.

An object lies at `media/<first two digits>/<sha256>`, so equal bytes are stored once, a repeated put costs a look-up,
and nothing is ever overwritten with something else. Items of several producers may share an object: whoever erases
bytes must know that no other item refers to them.
"""

from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Self

from obstore.store import LocalStore

from schemas.items import MediaRef
from streams.errors import BadRecord, Unavailable
from streams.media.backend import FOLDER, answering, open_backend, require_disk, require_presence
from streams.media.config import MediaConfig

if TYPE_CHECKING:
    from obstore.store import ObjectStore

MISSING = "media_missing"
TOO_LARGE = "media_too_large"


class MediaStore:
    """Content-addressed bytes in a folder or a cloud store. Safe to share between threads."""

    def __init__(self, backend: "ObjectStore", config: MediaConfig) -> None:
        self.remote = not isinstance(backend, LocalStore)
        """Behind a network, where several requests at once pay."""
        self._backend = backend
        self._url = config.url
        self.max_bytes = config.max_object_bytes

    @classmethod
    def open(cls, place: str | Path | MediaConfig) -> Self:
        """The store at a folder, an address, or a configuration that also has credentials. Raises Misconfigured."""
        config = place if isinstance(place, MediaConfig) else MediaConfig(url=str(place))
        return cls(open_backend(config), config)

    def check(self) -> None:
        """Asks the store for a sign of life. Raises Unavailable, also where the bucket or the folder is missing."""
        require_presence(self._backend, self._url)

    def put(self, content: bytes, media_type: str) -> MediaRef:
        """Stores the bytes unless they are there already. Raises BadRecord beyond the size limit, or Unavailable."""
        if len(content) > self.max_bytes:
            raise BadRecord(TOO_LARGE, f"{len(content)} bytes, {self.max_bytes} are allowed")
        ref = ref_to(content, media_type)
        if self.exists(ref):
            return ref
        require_disk(self._backend, self._url)
        try:
            with answering(self._url):
                self._backend.put(ref.uri, content)
        except FileNotFoundError as error:
            raise Unavailable(f"the media store {self._url} is not there; create its bucket or folder") from error
        return ref

    def get(self, ref: MediaRef, max_bytes: int | None = None) -> bytes:
        """The bytes that `ref` names, checked against its length and digest.

        Raises BadRecord: `media_missing` where they are absent or others, `media_too_large` beyond `max_bytes`. Raises
        Unavailable where the store itself is absent, so that an unmounted disk does not condemn every record.
        """
        limit = min(self.max_bytes, max_bytes if max_bytes is not None else self.max_bytes)
        if ref.length > limit:
            raise BadRecord(TOO_LARGE, f"{ref.length} bytes, {limit} are allowed")
        try:
            content = self._read(_own_uri(ref), ref.length)
        except FileNotFoundError:
            self.check()
            raise BadRecord(MISSING, f"{ref.uri} is not in the media store") from None
        if sha256(content).hexdigest() != ref.sha256:
            raise BadRecord(MISSING, f"{ref.uri} holds other bytes than its digest says")
        return content

    def exists(self, ref: MediaRef) -> bool:
        """Whether an object of that digest and length is there; its bytes are not read."""
        return self.length_of(_own_uri(ref)) == ref.length

    def length_of(self, uri: str) -> int | None:
        """Bytes of the object under a URI of ours; None where there is none."""
        try:
            with answering(self._url):
                return int(self._backend.head(uri)["size"])
        except FileNotFoundError:
            return None

    def delete(self, ref: MediaRef) -> None:
        """Removes the object, for every item that refers to it. Deleting what is not there is done already."""
        try:
            with answering(self._url):
                self._backend.delete(_own_uri(ref))
        except FileNotFoundError:
            self.check()

    def _read(self, uri: str, length: int) -> bytes:
        with answering(self._url):
            found = self._backend.get(uri)
            if (size := found.meta["size"]) != length:
                raise BadRecord(MISSING, f"{uri} has {size} bytes, {length} were announced")
            return found.bytes().to_bytes()


def uri_of(digest: str) -> str:
    """Where the object of a SHA-256 lies in the store."""
    return f"{FOLDER}/{digest[:2]}/{digest}"


def ref_to(content: bytes, media_type: str) -> MediaRef:
    """The reference that these bytes have once they are stored."""
    digest = sha256(content).hexdigest()
    return MediaRef(uri=uri_of(digest), sha256=digest, length=len(content), media_type=media_type)


def _own_uri(ref: MediaRef) -> str:
    """The reference's place; one that names another place than its digest's could reach what is not media."""
    if ref.uri != uri_of(ref.sha256):
        raise BadRecord(MISSING, f"{ref.uri[:100]} is not the place of its digest")
    return ref.uri

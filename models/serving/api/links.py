"""Signed, expiring links to media, for people's browsers: whoever holds one may fetch those bytes until it expires.

The signature is an HMAC with SHA-256 over everything that the link says. Replicas share the secret.
"""

import hashlib
import hmac
import secrets
from typing import Annotated
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, SecretStr, StringConstraints

from schemas.event import Sha256
from schemas.items import MediaRef
from streams.clock import Clock, SystemClock
from streams.media.store import uri_of

PATH = "/v1/media"
PURPOSE = b"millrace media link 1"


class LinkRefused(Exception):
    """The link is forged, altered or expired; the message says which."""


class SignedLink(BaseModel):
    """What a link says, and our word for it."""

    model_config = ConfigDict(frozen=True)

    digest: Sha256
    """SHA-256 of the bytes."""
    length: Annotated[NonNegativeInt, Field(lt=2**53)]
    """Of the bytes."""
    type: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """MIME type."""
    expires: Annotated[NonNegativeInt, Field(lt=2**53)]
    """Seconds since the epoch."""
    signature: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class MediaLinks:
    """Makes and checks links."""

    def __init__(self, secret: SecretStr | None, lifetime_s: int, clock: Clock | None = None) -> None:
        given = secret.get_secret_value().encode() if secret else secrets.token_bytes(32)
        self._key = hmac.digest(given, PURPOSE, hashlib.sha256)
        self._lifetime_s = lifetime_s
        self._clock = clock or SystemClock()

    def link(self, ref: MediaRef) -> str:
        """Path and query under the API's address that give the bytes of `ref`, for the configured time."""
        expires = int(self._clock.time()) + self._lifetime_s
        signature = self._signature(ref.sha256, ref.length, ref.media_type, expires)
        query = {"length": ref.length, "type": ref.media_type, "expires": expires, "signature": signature}
        return f"{PATH}/{ref.sha256}?{urlencode(query)}"

    def ref(self, link: SignedLink) -> MediaRef:
        """What a link leads to. Raises LinkRefused unless we signed it and it has not expired."""
        if not hmac.compare_digest(self._signature(link.digest, link.length, link.type, link.expires), link.signature):
            raise LinkRefused("the signature does not belong to this link")
        if link.expires <= self._clock.time():
            raise LinkRefused("the link has expired")
        return MediaRef(uri=uri_of(link.digest), sha256=link.digest, length=link.length, media_type=link.type)

    def _signature(self, digest: str, length: int, media_type: str, expires: int) -> str:
        said = "\n".join((digest, str(length), media_type, str(expires)))
        return hmac.digest(self._key, said.encode(), hashlib.sha256).hex()

"""Requests that a browser makes for a page of another site.

A page anywhere may make a browser send a form to an address on this machine, and where no API key is asked for, nothing
else would stop it. Browsers say where a request comes from (Fetch Metadata, `Sec-Fetch-Site`; else `Origin`); programs
say nothing. Reading is left to the browser's own rules: without CORS headers no other page sees an answer.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

READING = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"same-origin", "none"})


def from_elsewhere(method: str, headers: Headers) -> bool:
    """Whether a browser asks for a change in the name of a page that is not ours."""
    if method in READING:
        return False
    if (site := headers.get("sec-fetch-site")) is not None:
        return site.lower() not in OURS
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc.lower() != headers.get("host", "").lower()

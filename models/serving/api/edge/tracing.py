"""The trace that a request belongs to (W3C Trace Context); its facts carry it through the loop."""

import re
from typing import Annotated

from fastapi import Header

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Traceparent = Annotated[
    str | None, Header(description="W3C trace context; the item's facts carry it on. An invalid one is ignored.")
]


def valid(traceparent: str | None) -> str | None:
    """The header if it is one, else None: an invalid trace starts a new one, as the standard asks."""
    return traceparent if traceparent and TRACEPARENT.fullmatch(traceparent) else None

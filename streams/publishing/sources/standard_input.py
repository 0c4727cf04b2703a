"""Items from standard input: one JSON object a line, or one text a line.

It is JSON if a column was named or the first line opens with `{`. An item without an id column is named by the digest
of its line, so that the same lines are the same items whatever came before them.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import chain
from typing import IO

from schemas.items import Modality
from streams.errors import BadRecord
from streams.publishing.offer import PLAIN_TEXT, Found, Offer
from streams.publishing.sources.columns import Columns, offer_of_row, require_content
from streams.publishing.sources.folders import Reading
from streams.publishing.sources.rows import MAX_ROW_BYTES, lines_of, object_of

SOURCE = "stdin"


def found_on(file: IO[bytes], reading: Reading) -> Iterator[Found]:
    """Every line that is not empty."""
    numbered = ((number, line) for number, line in enumerate(lines_of(file), start=1) if line is None or line.strip())
    first = next(numbered, None)
    if first is None:
        return
    is_json = reading.columns != Columns() or (first[1] or b"").lstrip().startswith(b"{")
    for number, line in chain([first], numbered):
        what: Offer | BadRecord
        try:
            what = _offer(line, reading, is_json)
        except BadRecord as refusal:
            what = refusal
        yield Found(f"-:{number}", what, len(line or b""))


def _offer(line: bytes | None, reading: Reading, is_json: bool) -> Offer:
    if line is None:
        raise BadRecord("row_too_large", f"more than {MAX_ROW_BYTES} bytes in a line")
    content = line.strip()
    name = f"{SOURCE}/{sha256(content).hexdigest()[:32]}"
    if is_json:
        values = object_of(content)
        if isinstance(values, BadRecord):
            raise values
        offer = require_content(offer_of_row(values, reading.columns, name), values, reading.columns)
    else:
        offer = Offer(name, content=content, media_type=PLAIN_TEXT, modality=Modality.TEXT)
    return reading.defaults.describe(offer, SOURCE)

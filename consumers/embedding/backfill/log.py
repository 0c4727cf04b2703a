"""The log as a backfill sees it: curated items up to an end, and where vectors are published."""

from collections.abc import Iterable, Mapping

import structlog

from consumers.embedding.backfill.work import Work
from schemas.event import Event
from streams.codec import Encoded, encode
from streams.errors import BadRecord
from streams.port import Producer
from streams.scan import Scan
from streams.topics import CURATED, EMBEDDED

SOURCE = "millrace/embedding"
"""These are the facts that embedding tells, only later."""
FLUSH_S = 30.0

logger = structlog.get_logger()


class BackfillLog:
    """Not to be shared: a flush is about all that was published."""

    def __init__(self, scan: Scan, producer: Producer, prefix: str) -> None:
        self._scan = scan
        self._producer = producer
        self._source, self._answers = CURATED.full_name(prefix), EMBEDDED.full_name(prefix)

    def ends(self) -> Mapping[int, int]:
        """Where the curated items end now, by partition. Raises Unavailable."""
        return self._scan.ends(self._source)

    def work(self, ends: Mapping[int, int], reached: Mapping[int, int]) -> Work:
        """What there is to do up to these ends."""
        return Work(self._scan, self._source, ends, reached)

    def publish(self, events: Iterable[Event]) -> int:
        """All of them, acknowledged; how many had to be left out. Raises Unavailable."""
        left_out = 0
        for event in events:
            try:
                self._producer.send(self._answers, _record(event))
            except BadRecord as error:  # of the live space's fact embedding has made a dead letter
                left_out += 1
                logger.warning("a second space cannot take an item", reason=error.reason, detail=error.detail)
        self._producer.flush(FLUSH_S)
        return left_out


def _record(event: Event) -> Encoded:
    encoded = encode(event, SOURCE)
    if encoded.size > EMBEDDED.max_record_bytes:
        raise BadRecord("answer_too_large", f"{type(event).__name__} of {encoded.size} bytes")
    return encoded

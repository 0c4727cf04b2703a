"""What a stage answers, as records: each on the topic of its type, and none larger than that topic allows."""

from collections.abc import Sequence

import structlog

from schemas.event import Event
from streams import metrics
from streams.codec import Encoded, encode
from streams.errors import BadRecord
from streams.letters import write_unsent
from streams.stage import AnyStage
from streams.topics import dead_letter_topic

logger = structlog.get_logger()

Addressed = tuple[str, Encoded]
"""A topic and a record for it."""


class Answers:
    """Of one stage."""

    def __init__(self, stage: AnyStage, prefix: str, code_version: str) -> None:
        self._stage = stage.name
        self._code_version = code_version
        self._dead_letters = dead_letter_topic(prefix, stage.name)
        self._places = {
            event: (topic.full_name(prefix), topic.max_record_bytes)
            for topic in stage.answers
            for event in topic.events
        }

    def encoded(self, events: Sequence[Event]) -> list[Addressed]:
        """The answers to one fact: all of them or, where one cannot be written, none. Raises BadRecord."""
        return [self._encoded(event) for event in events]

    def told(self, events: Sequence[Event]) -> list[Addressed]:
        """What a stage says of its own accord; of what can never be written a dead letter in its place.

        No record stands behind these events that could be set aside, and they do not belong together. Whoever keeps
        one until it is written would bring the same one again at every start: it would end the stage for ever, and with
        it everything else that the stage is to tell. So its letter counts as written. That is what is left of it, and
        where an operator learns that it was never told.
        """
        return [self._told(event) for event in events]

    def _told(self, event: Event) -> Addressed:
        try:
            return self._encoded(event)
        except BadRecord as refusal:
            said = {"type": event.type_name(), "event_id": str(event.event_id), "detail": str(refusal)}
            logger.exception("an event can never be told", stage=self._stage, **said)
            metrics.RECORDS.labels(self._stage, "dead_lettered").inc()
            topic, _ = self._places[type(event)]
            return self._dead_letters, write_unsent(event, topic, refusal, self._stage, self._code_version)

    def _encoded(self, event: Event) -> Addressed:
        (topic, max_bytes), record = self._places[type(event)], encode(event, f"millrace/{self._stage}")
        if record.size > max_bytes:
            raise BadRecord("answer_too_large", f"{type(event).__name__} of {record.size} bytes")
        return topic, record

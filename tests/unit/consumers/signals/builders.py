"""Searches and feedback for tests; times are milliseconds, counted from a full minute."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from consumers.signals.windows import Impression
from schemas.event import Event
from schemas.searches import FeedbackGiven, Hit, SearchServed
from schemas.signals import ClickRateMeasured, HardNegativeMined, ItemSignalMeasured, QueryFailed
from streams.codec import encode
from streams.record import Record

START_MS = 1_790_000_040_000
SEARCHES_TOPIC = "millrace.searches.served.v1"
FEEDBACK_TOPIC = "millrace.feedback.given.v1"


def at(ms: int) -> datetime:
    return datetime.fromtimestamp((START_MS + ms) / 1000, UTC)


def number(name: str) -> UUID:
    return uuid5(UUID(int=7), name)


def search(name: str, ms: int = 0, items: str = "abc", **fields: Any) -> SearchServed:
    """Named `name`; each letter of `items` is a hit, the first at the top."""
    scores = fields.pop("scores", [1 - place / 10 for place in range(len(items))])
    hits = tuple(
        Hit(item_id=item, version=place + 1, position=place + 1, score=scores[place], propensity=1.0)
        for place, item in enumerate(items)
    )
    said = {"query_text": "quiet rivers", "policy": "hybrid-rrf", "model_version": "m-1", "k": 10, "latency_ms": 1.0}
    return SearchServed(event_id=number(name), occurred_at=at(ms), hits=hits, **(said | fields))


def feedback(about: str, kind: str = "click", item: str | None = "a", ms: int = 0, **fields: Any) -> FeedbackGiven:
    """About the search of that name."""
    said = {"consent": True, "value": None} | fields
    name = f"{about}/{kind}/{item}/{said}"
    impression, tenant = number(about), said.pop("tenant", "default")
    return FeedbackGiven(
        event_id=number(name),
        occurred_at=at(ms),
        tenant=tenant,
        impression_id=impression,
        kind=kind,
        item_id=item,
        **said,
    )


def shown(served: SearchServed, *given: FeedbackGiven) -> Impression:
    return Impression(served, {one.event_id: one for one in given})


def record(fact: Event, offset: int, logged_ms: int, partition: int = 0) -> Record:
    topic = SEARCHES_TOPIC if isinstance(fact, SearchServed) else FEEDBACK_TOPIC
    written = encode(fact, "tests")
    return Record(topic, partition, offset, written.key, written.value, written.headers, START_MS + logged_ms)


def final(facts: list[Event]) -> set[str]:
    """What readers take as the truth: the highest revision of each measurement, and every hard negative."""
    latest: dict[tuple[object, ...], Event] = {}
    for fact in facts:
        key = _key(fact)
        if key not in latest or getattr(fact, "revision", 0) >= getattr(latest[key], "revision", 0):
            latest[key] = fact
    return {fact.model_dump_json() for fact in latest.values()}


def _key(fact: Event) -> tuple[object, ...]:
    match fact:
        case ItemSignalMeasured():
            return "item", fact.tenant, fact.item_id, fact.window_start
        case QueryFailed():
            return "query", fact.tenant, fact.query_text, fact.model_version, fact.window_start
        case ClickRateMeasured():
            return "rate", fact.tenant, fact.model_version, fact.policy, fact.window_start
        case HardNegativeMined():
            return "negative", fact.event_id
    raise AssertionError(fact)

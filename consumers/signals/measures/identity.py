"""Ids of measurements: the same events give the same fact, whenever and however often they are counted."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

from consumers.signals.windows import Impression, Span
from schemas.event import Event

MEASUREMENTS = UUID("0a3c6e0f-98d7-5a54-8f2e-4d7c1b1d2f60")
"""Namespace of the ids."""


def measured(kind: type[Event], span: Span, key: Sequence[object], shown: Sequence[Impression]) -> dict[str, Any]:
    """Envelope and window of a measurement. Its id names the window, the key and the set of events behind it."""
    revision = sum(impression.events for impression in shown)
    mixed = 0
    for impression in shown:
        mixed ^= impression.fingerprint
    name = json.dumps([kind.__name__, span.start_ms, span.width_ms, *key, revision, f"{mixed:032x}"])
    event_id = uuid5(MEASUREMENTS, name)
    return {
        "event_id": event_id,
        "occurred_at": _moment(span.end_ms),
        "traceparent": f"00-{event_id.hex}-{event_id.hex[16:]}-01",
        "window_start": _moment(span.start_ms),
        "window_s": span.width_ms // 1000,
        "revision": revision,
    }


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)

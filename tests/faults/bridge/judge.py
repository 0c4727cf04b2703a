"""What the log says in the end, folded as any reader would, and how it differs from what people did.

Shares no code with the bridge.
"""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from streams.record import Record
from tests.faults.bridge.people import SKIPPED, Label


def told(records: Iterable[Record]) -> tuple[Counter[Label], list[str]]:
    """The labels that stand, and what contradicts itself."""
    by_id: dict[str, bytes | None] = {}
    newest: dict[str, dict[str, Any]] = {}
    faults: list[str] = []
    for record in records:
        event_id, kind = record.header("ce_id") or "", (record.header("ce_type") or "").split(".")[1]
        if by_id.setdefault(event_id, record.value) != record.value:
            faults.append(f"event {event_id} says two things")
        fact = {**json.loads(record.value or b"{}"), "kind": kind, "event_id": event_id}
        key = fact["annotation_key"]
        before = newest.get(key)
        if before is not None and before["revision"] == fact["revision"] and before["event_id"] != event_id:
            faults.append(f"annotation {key} has two revisions {fact['revision']}")
        if before is None or before["revision"] <= fact["revision"]:
            newest[key] = fact
    standing = [fact for fact in newest.values() if fact["kind"] != "AnnotationWithdrawn"]
    return Counter((fact["item_id"], _label(fact)) for fact in standing), faults


def verdict(expected: Counter[Label], records: Iterable[Record]) -> list[str]:
    """Every way in which the log is wrong."""
    found, faults = told(records)
    faults += [f"lost: {label}" for label in (expected - found).elements()]
    faults += [f"too many: {label}" for label in (found - expected).elements()]
    return faults


def twins(expected: set[str], items: Iterable[str]) -> list[str]:
    """Items whose number of tasks is not one, or should be none."""
    counts = Counter(items)
    wrong = {item: counts[item] for item in expected if counts[item] != 1}
    wrong |= {item: count for item, count in counts.items() if item not in expected}
    return [f"{item} has {count} tasks" for item, count in sorted(wrong.items())]


def _label(fact: dict[str, Any]) -> str:
    if fact["skipped"]:
        return SKIPPED
    return str(fact["result"][0]["value"]["choices"][0])

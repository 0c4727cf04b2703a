import json
from pathlib import Path
from typing import Any

import pytest

from schemas.catalogue import EVENT_CLASSES, EVENT_TYPES
from schemas.event import ENVELOPE_FIELDS
from streams.codec import decode, encode
from streams.record import Record

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*.json"))


def load(path: Path) -> tuple[Record, dict[str, Any]]:
    """A record as it lay in the log, and the fields that it must give."""
    kept = json.loads(path.read_bytes())
    headers = tuple((name, value.encode()) for name, value in kept["headers"].items())
    key = None if kept["key"] is None else kept["key"].encode()
    return Record("golden", 0, 0, key, kept["value"].encode(), headers), kept["fields"]


def says(found: Any, kept: Any) -> bool:
    """All that was kept is found; fields that are newer may stand beside it, at any depth."""
    if isinstance(kept, dict) and isinstance(found, dict):
        return all(name in found and says(found[name], value) for name, value in kept.items())
    if isinstance(kept, list) and isinstance(found, list):
        return len(kept) == len(found) and all(map(says, found, kept))
    return type(found) is type(kept) and bool(found == kept)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_record_written_by_an_earlier_release_still_says_the_same(path: Path) -> None:
    record, fields = load(path)
    event = decode(record, EVENT_CLASSES)
    assert says(event.model_dump(mode="json"), fields)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_record_keeps_its_meaning_when_it_is_written_again(path: Path) -> None:
    record, _ = load(path)
    event = decode(record, EVENT_CLASSES)
    again = encode(event, "test")
    assert again.key == record.key
    assert decode(Record("golden", 0, 0, again.key, again.value, again.headers), EVENT_CLASSES) == event


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_has_a_golden_record_with_all_its_fields_of_that_time(name: str) -> None:
    first = [path for path in GOLDEN if f"millrace.{path.stem}" == f"{name}.1"]
    assert first, f"write tests/golden/{name.removeprefix('millrace.')}.1.json"
    record, fields = load(first[0])
    assert set(json.loads(record.value or b"")) | ENVELOPE_FIELDS == set(fields)

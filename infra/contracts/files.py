"""The contract as files below `schemas/contracts/`: what is there, what should be there, and what may be written.

`history/<Event>/<NNNN>.json` keeps every version that a reader or a record out there may still have; a change is
compared with all of them, not only with the latest. Words for people may change without a new version.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.contracts.arrows import stage_arrows
from infra.contracts.asyncapi import document
from infra.contracts.compatibility import breaking_changes, meaning
from infra.contracts.json_schemas import JsonSchema, body_schema, schema_name
from schemas.catalogue import EVENT_CLASSES
from schemas.event import Event

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path("schemas", "contracts")
HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Contract:
    """What the code says now: texts by path below the folder, and what in it would break somebody."""

    texts: Mapping[str, str]
    breaking: tuple[str, ...]


def contract(root: Path = ROOT, events: Sequence[type[Event]] = EVENT_CLASSES) -> Contract:
    """The contract of the code, seen against the history in `root`."""
    texts = {"asyncapi.json": _text(document(stage_arrows(root)))}
    breaking: list[str] = []
    for event in events:
        schema, known = body_schema(event), released(root, event)
        texts[f"json_schema/{schema_name(event)}"] = _text(schema)
        breaking += _objections(event, known, schema)
        if not any(meaning(old) == meaning(schema) and old["$id"] == schema["$id"] for old in known):
            texts[f"{HISTORY}/{event.__name__}/{len(known) + 1:04d}.json"] = _text(schema)
    return Contract(texts, tuple(breaking))


def released(root: Path, event: type[Event]) -> list[JsonSchema]:
    """Every version of an event that ever was, oldest first."""
    return [json.loads(path.read_bytes()) for path in sorted((root / FOLDER / HISTORY / event.__name__).glob("*.json"))]


def differences(root: Path, wanted: Contract) -> list[str]:
    """Paths that are missing, differ or should not be there."""
    folder = root / FOLDER
    differing = [path for path, text in wanted.texts.items() if _content(folder / path) != text]
    surplus = [path.relative_to(folder).as_posix() for path in (folder / "json_schema").glob("*.json")]
    return sorted([*differing, *(path for path in surplus if path not in wanted.texts)])


def write(root: Path, wanted: Contract) -> list[str]:
    """Brings the files up to date; the paths that changed."""
    changed = differences(root, wanted)
    for path in changed:
        target = root / FOLDER / path
        if path in wanted.texts:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(wanted.texts[path], encoding="utf-8")
        else:
            target.unlink()
    return changed


def _objections(event: type[Event], known: list[JsonSchema], schema: JsonSchema) -> list[str]:
    """Breaking changes against every earlier version of the same major."""
    return [
        f"{event.__name__}, against version {number}: {change}"
        for number, old in enumerate(known, start=1)
        if old["$id"] == schema["$id"]
        for change in breaking_changes(old, schema)
    ]


def _text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None

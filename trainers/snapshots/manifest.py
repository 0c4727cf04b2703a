"""A snapshot as text: a line about the whole, then a line an item, in one order and one spelling.

So the same items, labels and sides give the same bytes, and the SHA-256 of the bytes names the snapshot.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from schemas.annotations import Arm
from schemas.items import MediaRef, Modality
from streams.errors import BadRecord
from trainers.snapshots.rows import Row, Split, TaskFacts, TaskLabel

FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """A frozen data set. Rows and tasks must be in order: `of` sees to it."""

    project_id: str
    live_version: str
    """The model that served when it was frozen."""
    tasks: tuple[TaskFacts, ...]
    rows: tuple[Row, ...]
    """In the order of their keys."""

    @classmethod
    def of(cls, project_id: str, live_version: str, tasks: Iterable[TaskFacts], rows: Iterable[Row]) -> "Manifest":
        """The manifest of rows and tasks in any order."""
        ordered = sorted(tasks, key=lambda task: (task.tenant, task.name))
        return cls(project_id, live_version, tuple(ordered), tuple(sorted(rows, key=lambda row: row.key)))

    @cached_property
    def sha256(self) -> str:
        """Its name."""
        digest = sha256()
        for line in self.lines():
            digest.update(line)
        return digest.hexdigest()

    def lines(self) -> Iterator[bytes]:
        """Its lines, line feeds included."""
        yield _line(
            {
                "format": FORMAT,
                "project_id": self.project_id,
                "live_version": self.live_version,
                "tasks": [asdict(task) for task in self.tasks],
                "items": len(self.rows),
            }
        )
        for row in self.rows:
            yield _line(fields_of(row))

    def encoded(self) -> bytes:
        """All of it, as it is stored."""
        return b"".join(self.lines())

    def of_split(self, split: Split) -> list[Row]:
        """The rows of one side."""
        return [row for row in self.rows if row.split is split]

    def counts(self) -> dict[Split, int]:
        """Items by side."""
        return {split: sum(row.split is split for row in self.rows) for split in Split}

    @property
    def labels(self) -> int:
        """Settled labels of all items."""
        return sum(len(row.labels) for row in self.rows)


def decoded(content: bytes) -> Manifest:
    """The manifest behind its bytes. Raises BadRecord if they are none, or of a newer format."""
    try:
        head, *lines = content.split(b"\n")[:-1]
        about = json.loads(head)
        if about["format"] != FORMAT:
            raise BadRecord("unknown_format", f"a manifest of format {about['format']}; this code reads {FORMAT}")
        rows = tuple(_row(json.loads(line)) for line in lines)
        tasks = tuple(TaskFacts(**task | {"labels": tuple(task["labels"])}) for task in about["tasks"])
        whole = about["items"] == len(rows)
        manifest = Manifest(about["project_id"], about["live_version"], tasks, rows)
    except (ValueError, KeyError, TypeError) as error:
        raise BadRecord("bad_manifest", f"not a manifest of a snapshot ({type(error).__name__})") from error
    if not whole:
        raise BadRecord("bad_manifest", f"{len(rows)} items, {about['items']} were announced")
    return manifest


def fields_of(row: Row) -> dict[str, Any]:
    """A row as plain values, as exports and manifests write it."""
    return {
        "tenant": row.tenant,
        "item_id": row.item_id,
        "version": row.version,
        "modality": row.modality.value,
        "content_sha256": row.content_sha256,
        "media": None if row.media is None else row.media.model_dump(),
        "text": row.text,
        "labels": [_label_fields(label) for label in row.labels],
        "licence": row.licence,
        "source": row.source,
        "language": row.language,
        "split": row.split.value,
        "group": row.group,
    }


def _label_fields(label: TaskLabel) -> dict[str, Any]:
    return {
        "task": label.task,
        "labels": list(label.labels),
        "trust": label.trust,
        "arm": label.arm.value,
        "revision": label.revision,
    }


def _row(fields: Mapping[str, Any]) -> Row:
    media = fields["media"]
    return Row(
        tenant=fields["tenant"],
        item_id=fields["item_id"],
        version=fields["version"],
        modality=Modality(fields["modality"]),
        content_sha256=fields["content_sha256"],
        media=None if media is None else MediaRef(**media),
        text=fields["text"],
        labels=_labels(fields["labels"]),
        licence=fields["licence"],
        source=fields["source"],
        language=fields["language"],
        split=Split(fields["split"]),
        group=fields["group"],
    )


def _labels(found: Sequence[Mapping[str, Any]]) -> tuple[TaskLabel, ...]:
    return tuple(
        TaskLabel(one["task"], tuple(one["labels"]), one["trust"], Arm(one["arm"]), one["revision"]) for one in found
    )


def _line(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"

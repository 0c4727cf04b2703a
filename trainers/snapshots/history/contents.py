"""What a snapshot holds, counted."""

from collections import Counter
from collections.abc import Iterable, Mapping

from trainers.snapshots.manifest import Manifest
from trainers.snapshots.rows import Row, Split

Counts = Mapping[str, int]


def contents(manifest: Manifest) -> dict[str, dict[str, Counts]]:
    """By side: items by modality, source, licence and language, and labels by task, arm and class."""
    return {split.value: counted(rows) for split in Split if (rows := manifest.of_split(split))}


def counted(rows: Iterable[Row]) -> dict[str, Counts]:
    """Figures about rows, the most frequent first."""
    rows = list(rows)
    labels = [label for row in rows for label in row.labels]
    found = {
        "modality": (row.modality.value for row in rows),
        "source": (row.source or "unnamed" for row in rows),
        "licence": (row.licence or "unknown" for row in rows),
        "language": (row.language or "unknown" for row in rows),
        "task": (label.task for label in labels),
        "arm": (label.arm.value for label in labels),
        "class": (f"{label.task}/{name}" for label in labels for name in label.labels),
    }
    return {what: _ranked(values) for what, values in found.items()}


def _ranked(values: Iterable[str]) -> Counts:
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))
